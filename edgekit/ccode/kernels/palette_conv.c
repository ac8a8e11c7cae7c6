/* A convolution whose weights are decoded for so many outputs at a time, a `block`, and lie in `weights`. */
static void palette_conv(const linear *of, const palette *by, const window *at, const int8_t *input, int8_t *output,
                         int32_t stride, int32_t block, int8_t *weights, int8_t *scratch) {
  const uint32_t *indexes = by->indexes;
  const int8_t *tables = by->tables;
  linear part = *of;
  part.weights = weights;
  for (int32_t c = 0; c < of->channels; c += block) {
    part.channels = of->channels - c < block ? of->channels - c : block;
    int8_t *to = weights;
    for (int32_t n = 0; n < part.channels; n += 2, to += 2 * by->count, tables += by->step) {
      indexes = by->decode(indexes, tables, by->count, to);
    }
    conv(&part, at, input, output + c, stride, scratch);
    part.bias += part.channels;
    part.multiplier += part.channels;
    part.shift += part.channels;
  }
}
