/* What indices take along an axis: `outer` times `count` parts of `inner` bytes, of `size` that there are. Returns 1, and
   takes nothing, where an index is none of these. */
static int take(const void *input, const int32_t *indices, void *output, int32_t outer, int32_t size, int32_t inner,
                int32_t count) {
  const int8_t *from = input;
  int8_t *to = output;
  for (int32_t i = 0; i < count; i++) {
    if (indices[i] < 0 || indices[i] >= size) return 1;
  }
  for (int32_t o = 0; o < outer; o++, from += size * inner) {
    for (int32_t i = 0; i < count; i++, to += inner) memcpy(to, from + indices[i] * inner, (size_t)inner);
  }
  return 0;
}
