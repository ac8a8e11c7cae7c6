/* The larger of each pair of values (the smaller, if `sign` is -1). */
static void TYPED(extreme)(const VALUE *one, const VALUE *other, VALUE *output, int32_t count, int32_t sign) {
  for (int32_t i = 0; i < count; i++) output[i] = one[i] * sign > other[i] * sign ? one[i] : other[i];
}
