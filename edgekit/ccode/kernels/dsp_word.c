static inline uint32_t word(const int8_t *from) {
  uint32_t x;
  memcpy(&x, from, 4);
  return x;
}
