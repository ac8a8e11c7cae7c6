/* What a convolution or dense layer of 16 bits is: its constants. */
typedef struct {
  const int8_t *weights;     /* pairs of output channels side by side, an even number of inputs */
  const sum16 *bias;
  const int32_t *multiplier;
  const int8_t *shift;       /* to the right, beyond 32; without: 0, and sums have 32 bits */
  int32_t twice;             /* whether it is rounded twice, as where the bias has 32 bits */
  int32_t inputs;            /* products for each output */
  int32_t block;             /* an even number of products whose sum has 32 bits */
  int32_t channels;          /* outputs */
  int32_t low, high;         /* of the output, by its activation */
} linear16;
