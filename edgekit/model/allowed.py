"""What a Keras file may name: the classes, functions and texts of Keras 2 and 3 that do no more than compute.

Frozen on purpose: a list taken from the installed libraries would grow with them. What is not here needs
`--trust-model`, or `--custom-objects` where it is the user's own. Left out are layers that hold code or graphs
(`Lambda`, `TorchModuleWrapper`, `TensorFlowOpLayer`), call what they are told to (`ClassMethod`, `InstanceMethod`,
`JaxLayer`, `FlaxLayer`), load models (`TFSMLayer`), or take functions (`Map`, `Scan`, `WhileLoop` of `keras.ops`).
"""

LAYERS = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
    AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding CenterCrop
    Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D CuDNNGRU
    CuDNNLSTM CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding
    Equalization Flatten GRU GRUCell GRUCellV1 GRUCellV2 GRUV1 GRUV2 GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D
    GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization GroupQueryAttention GroupedQueryAttention HashedCrossing Hashing
    Identity InputLayer IntegerLookup LSTM LSTMCell LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2 LayerNormalization
    LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply
    Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing
    RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective
    RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation
    RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram
    SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell
    Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
    StackedRNNCells StringLookup Subtract SyncBatchNormalization TextVectorization ThresholdedReLU
    TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
    """.split()
)
"""Of `keras.layers` of both, with the names that older versions gave them."""

MODELS = frozenset(
    """
    Functional Model Sequential
    """.split()
)
"""Models inside models too."""

OPERATION_LAYERS = frozenset(
    """
    SlicingOpLambda TFOpLambda
    """.split()
)
"""Layers of Keras 2 that call the function of TensorFlow they name; see `TENSOR_FUNCTIONS`."""

INITIALIZERS = frozenset(
    """
    Constant ConstantV2 GlorotNormal GlorotNormalV2 GlorotUniform GlorotUniformV2 HeNormal HeNormalV2 HeUniform
    HeUniformV2 Identity IdentityInitializer IdentityV2 LecunNormal LecunNormalV2 LecunUniform LecunUniformV2
    Ones OnesV2 Orthogonal OrthogonalInitializer OrthogonalV2 RandomNormal RandomNormalV2 RandomUniform
    RandomUniformV2 STFT STFTInitializer TruncatedNormal TruncatedNormalV2 VarianceScaling VarianceScalingV2
    Zeros ZerosV2 constant glorot_normal glorot_normalV2 glorot_uniform glorot_uniformV2 he_normal he_normalV2
    he_uniform he_uniformV2 identity lecun_normal lecun_normalV2 lecun_uniform lecun_uniformV2 normal one ones
    orthogonal random_normal random_uniform stft truncated_normal uniform variance_scaling zero zeros
    """.split()
)
"""Classes, and the names that stand for them."""

REGULARIZERS = frozenset(
    """
    L1 L1L2 L2 OrthogonalRegularizer l1 l1_l2 l1l2 l2 orthogonal_regularizer
    """.split()
)
"""Classes, and the names that stand for them."""

CONSTRAINTS = frozenset(
    """
    MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm max_norm maxnorm min_max_norm non_neg nonneg
    radial_constraint unit_norm unitnorm
    """.split()
)
"""Classes, and the names that stand for them."""

ACTIVATIONS = frozenset(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
    sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
    """.split()
)
"""Functions."""

POLICIES = frozenset(
    """
    DTypePolicy FloatDTypePolicy Policy PolicyV1 QuantizedDTypePolicy QuantizedFloat8DTypePolicy
    """.split()
)
"""Of data types."""

OPERATIONS = frozenset(
    """
    Abs Absolute AdaptiveAveragePool AdaptiveMaxPool Add AffineTransform All AllClose Amax Amin Angle Any Append
    Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition Argsort Array
    ArraySplit Average AveragePool BatchNorm BinaryCrossentropy Bincount BitwiseAnd BitwiseInvert
    BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo CDist CTCDecode CTCLoss Cast
    CategoricalCrossentropy Cbrt Ceil Celu Cholesky CholeskyInverse Clip Concatenate Conj Conjugate Conv
    ConvTranspose ConvertToTensor Copy Corrcoef Correlate Cos Cosh CountNonzero CropImages Cross Cumprod Cumsum
    Deg2rad DepthToSpace DepthwiseConv Det Diag Diagflat Diagonal Diff Digitize Divide DivideNoNan Dot
    DotProductAttention Dsplit Dstack Eig Eigh Einsum ElasticTransform Elu EmptyLike Equal Erf Erfc Erfinv Exp
    Exp2 ExpandDims Expm1 ExtractPatches ExtractSequences FFT FFT2 Fabs Flip Fliplr Flipud Floor FloorDivide
    Fmax Fmin Fmod Fold Full FullLike GaussianBlur Gcd Gelu Geomspace GetItem Glu Greater GreaterEqual HSVToRGB
    HardShrink HardSigmoid HardSilu HardTanh Heaviside Histogram Hsplit Hstack Hypot I0 IFFT2 IRFFT ISTFT Imag
    InTopK Inner Inv IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron LayerNorm Lcm Ldexp
    LeakyRelu LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 LogSigmoid LogSoftmax Logaddexp Logaddexp2
    Logdet LogicalAnd LogicalNot LogicalOr LogicalXor Logspace Logsumexp Lstsq LuFactor Matmul MatrixRank Max
    MaxPool Maximum Mean Median Meshgrid Min Minimum Mod Moments Moveaxis MultiHot Multiply NanToNum Nanargmax
    Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd
    Nansum Nanvar Ndim Negative Nextafter Nonzero Norm Normalize NotEqual OneHot OnesLike Outer PSNR Pad
    PadImages Percentile PerspectiveTransform Pinv Polar Power Prod Ptp Qr Quantile RFFT RGBToGrayscale RGBToHSV
    RMSNorm Rad2deg Ravel Real Reciprocal Relu Relu6 Repeat Reshape Resize RightShift Roll Rot90 Round Rsqrt
    SSIM STFT SVD SaturateCast ScaleAndTranslate Scatter ScatterUpdate SearchSorted SegmentMax SegmentMin
    SegmentProd SegmentReduction SegmentSum Select Selu SeparableConv Sigmoid Sign Signbit Silu Sin Sinc Sinh
    Size Slice SliceUpdate Slogdet SobelEdges SoftShrink Softmax Softplus Softsign Solve SolveTriangular Sort
    SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax Split Sqrt Square Squareplus
    Squeeze Stack Std StopGradient Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh TanhShrink Tensordot
    Threshold Tile TopK Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Unfold Unique UnravelIndex Unstack
    Vander Var Vdot View ViewAsComplex ViewAsReal Vsplit Vstack Where ZerosLike
    """.split()
)
"""Of `keras.ops` of Keras 3, by their classes."""

TENSOR_FUNCTIONS = frozenset(
    """
    __operators__.add __operators__.eq __operators__.getitem __operators__.ne __operators__.ragged_getitem abs
    acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_to_space boolean_mask
    broadcast_to cast clip_by_norm clip_by_value concat convert_to_tensor cos cosh cumsum divide einsum
    ensure_shape equal exp expand_dims eye fill floor gather gather_nd greater greater_equal identity
    image.adjust_brightness image.adjust_contrast image.adjust_gamma image.adjust_hue image.adjust_saturation
    image.central_crop image.convert_image_dtype image.crop_and_resize image.crop_to_bounding_box
    image.extract_patches image.flip_left_right image.flip_up_down image.grayscale_to_rgb image.hsv_to_rgb
    image.pad_to_bounding_box image.per_image_standardization image.resize image.resize_with_crop_or_pad
    image.resize_with_pad image.rgb_to_grayscale image.rgb_to_hsv image.rgb_to_yiq image.rgb_to_yuv image.rot90
    image.transpose image.yiq_to_rgb image.yuv_to_rgb less less_equal linalg.adjoint linalg.band_part
    linalg.banded_triangular_solve linalg.cholesky linalg.cholesky_solve linalg.cross linalg.det linalg.diag
    linalg.diag_part linalg.eig linalg.eigh linalg.eigh_tridiagonal linalg.eigvals linalg.eigvalsh linalg.einsum
    linalg.expm linalg.eye linalg.global_norm linalg.inv linalg.l2_normalize linalg.logdet linalg.logm
    linalg.lstsq linalg.lu linalg.lu_matrix_inverse linalg.lu_reconstruct linalg.lu_solve linalg.matmul
    linalg.matrix_rank linalg.matrix_transpose linalg.matvec linalg.norm linalg.normalize linalg.pinv linalg.qr
    linalg.set_diag linalg.slogdet linalg.solve linalg.sqrtm linalg.svd linalg.tensor_diag
    linalg.tensor_diag_part linalg.tensordot linalg.trace linalg.triangular_solve linalg.tridiagonal_matmul
    linalg.tridiagonal_solve linspace logical_and logical_not logical_or math.abs math.accumulate_n math.acos
    math.acosh math.add math.add_n math.angle math.argmax math.argmin math.asin math.asinh math.atan math.atan2
    math.atanh math.bessel_i0 math.bessel_i0e math.bessel_i1 math.bessel_i1e math.betainc math.bincount
    math.ceil math.conj math.cos math.cosh math.count_nonzero math.cumprod math.cumsum math.cumulative_logsumexp
    math.digamma math.divide math.divide_no_nan math.equal math.erf math.erfc math.erfcinv math.erfinv math.exp
    math.expm1 math.floor math.floordiv math.floormod math.greater math.greater_equal math.igamma math.igammac
    math.imag math.in_top_k math.invert_permutation math.is_finite math.is_inf math.is_nan
    math.is_non_decreasing math.is_strictly_increasing math.l2_normalize math.lbeta math.less math.less_equal
    math.lgamma math.log math.log1p math.log_sigmoid math.log_softmax math.logical_and math.logical_not
    math.logical_or math.logical_xor math.maximum math.minimum math.mod math.multiply math.multiply_no_nan
    math.ndtri math.negative math.nextafter math.not_equal math.polygamma math.polyval math.pow math.real
    math.reciprocal math.reciprocal_no_nan math.reduce_all math.reduce_any math.reduce_euclidean_norm
    math.reduce_logsumexp math.reduce_max math.reduce_mean math.reduce_min math.reduce_prod math.reduce_std
    math.reduce_sum math.reduce_variance math.rint math.round math.rsqrt math.scalar_mul math.segment_max
    math.segment_mean math.segment_min math.segment_prod math.segment_sum math.sigmoid math.sign math.sin
    math.sinh math.softmax math.softplus math.softsign math.sqrt math.square math.squared_difference
    math.subtract math.tan math.tanh math.top_k math.truediv math.unsorted_segment_max
    math.unsorted_segment_mean math.unsorted_segment_min math.unsorted_segment_prod math.unsorted_segment_sqrt_n
    math.unsorted_segment_sum math.xdivy math.xlog1py math.xlogy math.zero_fraction math.zeta matmul maximum
    meshgrid minimum multiply negative nn.atrous_conv2d nn.atrous_conv2d_transpose nn.avg_pool nn.avg_pool1d
    nn.avg_pool2d nn.avg_pool3d nn.batch_norm_with_global_normalization nn.batch_normalization nn.bias_add
    nn.collapse_repeated nn.conv1d nn.conv1d_transpose nn.conv2d nn.conv2d_transpose nn.conv3d
    nn.conv3d_transpose nn.conv_transpose nn.convolution nn.crelu nn.depth_to_space nn.depthwise_conv2d
    nn.dilation2d nn.dropout nn.elu nn.embedding_lookup nn.erosion2d nn.gelu nn.in_top_k nn.l2_loss
    nn.l2_normalize nn.leaky_relu nn.local_response_normalization nn.log_poisson_loss nn.log_softmax nn.lrn
    nn.max_pool nn.max_pool1d nn.max_pool2d nn.max_pool3d nn.max_pool_with_argmax nn.moments nn.pool nn.relu
    nn.relu6 nn.selu nn.separable_conv2d nn.sigmoid nn.sigmoid_cross_entropy_with_logits nn.silu nn.softmax
    nn.softmax_cross_entropy_with_logits nn.softplus nn.softsign nn.space_to_batch nn.space_to_depth
    nn.sparse_softmax_cross_entropy_with_logits nn.swish nn.tanh nn.top_k nn.weighted_cross_entropy_with_logits
    nn.weighted_moments nn.zero_fraction norm not_equal one_hot ones ones_like pad pow
    range rank realdiv reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
    reduce_sum repeat reshape reverse reverse_sequence roll round saturate_cast scalar_mul scatter_nd
    sequence_mask shape sigmoid sign signal.dct signal.fft signal.fft2d signal.fft3d signal.fftnd
    signal.fftshift signal.frame signal.hamming_window signal.hann_window signal.idct signal.ifft signal.ifft2d
    signal.ifft3d signal.ifftnd signal.ifftshift signal.inverse_mdct signal.inverse_stft signal.irfft
    signal.irfft2d signal.irfft3d signal.irfftnd signal.kaiser_bessel_derived_window signal.kaiser_window
    signal.linear_to_mel_weight_matrix signal.mdct signal.mfccs_from_log_mel_spectrograms signal.overlap_and_add
    signal.rfft signal.rfft2d signal.rfft3d signal.rfftnd signal.stft signal.vorbis_window sin sinh size slice
    sort space_to_batch split sqrt square squeeze stack stop_gradient strided_slice subtract tan tanh
    tensor_scatter_nd_add tensor_scatter_nd_update tensordot tile transpose truediv truncatediv truncatemod
    unstack where zeros zeros_like
    """.split()
)
"""Of `tf` that compute from tensors alone."""

SEEDS = frozenset(["SeedGenerator"])
"""Of random numbers."""

DATA = frozenset(
    """
    TensorShape __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__
    """.split()
)
"""Forms of plain values."""

DTYPES = frozenset(
    """
    bfloat16 bool complex128 complex64 double float float16 float32 float64 int16 int32 int64 int8 mixed_bfloat16
    mixed_float16 string uint16 uint32 uint64 uint8
    int8_from_bfloat16 int8_from_float16 int8_from_float32 int8_from_mixed_bfloat16 int8_from_mixed_float16
    float8_from_bfloat16 float8_from_float16 float8_from_float32 float8_from_mixed_bfloat16 float8_from_mixed_float16
    """.split()
)
"""Of tensors, and the policies that are named by them."""

TEXTS = frozenset(
    """
    backend bias_axes bounding_box_format data_format dim_ordering distribution encoding equation fill_mode
    indexing interpolation keras_version mask_token merge_mode method mode name oov_method oov_token ord
    output_mode pad_mode padding pool_mode quantization_mode reduction rng_type scaling score_mode side
    source_name split standardize strategy subscripts use_cudnn window
    """.split()
)
"""Settings that are words: of a choice, a name, or a token."""

NAMES = frozenset("inbound_nodes input_layers keras_history output_layers".split())
"""What holds names of layers, and arguments of their calls."""

FILES = frozenset("file_path filepath idf_weights vocabulary vocabulary_file".split())
"""Settings of layers that read a file where they hold text."""

ROLES = {"activation": ACTIVATIONS, "initializer": INITIALIZERS, "regularizer": REGULARIZERS, "constraint": CONSTRAINTS}
"""What a text stands for in settings that end so."""

MODULES = {
    "keras.layers": LAYERS,
    "keras.layers.experimental": LAYERS,
    "keras.layers.experimental.preprocessing": LAYERS,
    "keras.layers.core.tf_op_layer": OPERATION_LAYERS,
    "keras": MODELS | POLICIES,
    "keras.models": MODELS,
    **dict.fromkeys(("keras.engine.functional", "keras.engine.sequential", "keras.engine.training"), MODELS),
    **dict.fromkeys(("keras.models.functional", "keras.models.sequential", "keras.models.model"), MODELS),
    "keras.applications.convnext": frozenset(["LayerScale"]),
    "keras.random": SEEDS,
    "keras.random.seed_generator": SEEDS,
    "keras.initializers": INITIALIZERS,
    "tensorflow.python.ops.init_ops_v2": frozenset(
        "Constant Ones RandomNormal RandomUniform VarianceScaling Zeros".split()
    ),
    "keras.regularizers": REGULARIZERS,
    "keras.constraints": CONSTRAINTS,
    "keras.dtype_policies": POLICIES,
    "keras.dtype_policies.dtype_policy": POLICIES,
    "keras.mixed_precision": POLICIES,
    "keras.mixed_precision.policy": POLICIES,
    **{f"keras.ops.{room}": OPERATIONS for room in ("core", "image", "linalg", "math", "nn", "numpy")},
}
"""Where the classes are, without the `src` that stands in between, and with `keras` for `tf_keras`."""

FUNCTION_MODULES = frozenset(
    """
    builtins keras.activations keras.activations.activations keras.constraints keras.initializers keras.ops
    keras.ops.nn keras.regularizers
    """.split()
)
"""Where the functions are. Those of `builtins` are looked up among Keras's own."""

CLASSES = LAYERS | MODELS | OPERATION_LAYERS | INITIALIZERS | REGULARIZERS | CONSTRAINTS | POLICIES | OPERATIONS
FUNCTIONS = ACTIVATIONS | INITIALIZERS | REGULARIZERS | CONSTRAINTS
