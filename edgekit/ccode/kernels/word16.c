/* Two values side by side. */
static inline int32_t word16(const int16_t *from) {
  int32_t x;
  memcpy(&x, from, 4);
  return x;
}
