/* Each value of `to` becomes the larger of the two. */
static inline void TYPED(larger)(const VALUE *from, VALUE *to, int32_t count) {
  for (int32_t c = 0; c < count; c++) {
    const VALUE other = from[c];
    if (other > to[c]) to[c] = other;
  }
}
