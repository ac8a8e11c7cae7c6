#define DENSE_LANE 256 /* inputs whose products cannot overflow, whatever the weights are */
