/* Which part of an image (height, width, channels) each output of a convolution or pooling sees. */
typedef struct {
  int32_t height, width, channels;
  int32_t depth;                    /* channels that are seen: fewer in a group of a grouped convolution */
  int32_t out_height, out_width;
  int32_t kernel_y, kernel_x, stride_y, stride_x, dilation_y, dilation_x, pad_y, pad_x;
  int32_t zero;                     /* stored value around the image */
} window;
