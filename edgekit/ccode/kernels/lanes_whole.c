#define DENSE_LANE INT32_MAX /* the weights of this model are so small that no sum overflows */
