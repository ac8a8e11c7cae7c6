/* What a convolution or dense layer is: its constants. */
typedef struct {
  const int8_t *weights;    /* as the kernel reads them: pairs of output channels side by side */
  const int32_t *bias;      /* bias - input zero point * sum of the weights */
  const int32_t *multiplier;
  const int8_t *shift;      /* to the right */
  int32_t inputs;           /* products for each output */
  int32_t channels;         /* outputs */
  int32_t zero;             /* of the output */
  int32_t low, high;        /* of the output, by its activation */
} linear;
