/* int8 as uint8 of the same scale. */
static void shift_int8(const int8_t *input, uint8_t *output, int32_t count) {
  for (int32_t i = 0; i < count; i++) output[i] = (uint8_t)(input[i] + 128);
}
