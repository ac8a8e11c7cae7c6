/* A function of one stored value, as a table of what TFLM makes of each of the 256. */
static void lookup(const int8_t *table, const int8_t *input, int8_t *output, int32_t count) {
  for (int32_t i = 0; i < count; i++) output[i] = table[input[i] + 128];
}
