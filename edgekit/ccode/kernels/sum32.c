typedef int32_t sum16; /* of products of 16 and 8 bits: here none is larger */
