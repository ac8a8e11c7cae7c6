package photo

import android.content.Context
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import kotlin.math.roundToInt
import org.tensorflow.lite.Interpreter

/** What denoise.tflite of the assets makes of a tile: `denoise.py`, word by word. */
class Denoiser(context: Context) : AutoCloseable {
    private val model = context.assets.openFd("denoise.tflite").use { file ->
        FileInputStream(file.fileDescriptor).use { stream ->
            val bytes = stream.channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
            Interpreter(bytes, Interpreter.Options().setNumThreads(1))
        }
    }
    private val given = model.getInputTensor(0)
    private val made = model.getOutputTensor(0)

    /** Height and width of a tile. */
    val tile = given.shape()[1]

    private val input = ByteBuffer.allocateDirect(given.numBytes())
    private val output = ByteBuffer.allocateDirect(made.numBytes())
    private val stored = ByteArray(256) { byte ->
        val of = given.quantizationParams()
        ((byte / 255f / of.scale).roundToInt() + of.zeroPoint).coerceIn(-128, 127).toByte()
    }
    private val real = ByteArray(256) { value ->
        val of = made.quantizationParams()
        (255 * (value - 128 - of.zeroPoint) * of.scale).roundToInt().coerceIn(0, 255).toByte()
    }

    /** A tile of RGB bytes, row by row, to the same. */
    fun clean(rgb: ByteArray): ByteArray {
        input.rewind()
        output.rewind()
        for (byte in rgb) input.put(stored[byte.toInt() and 255])
        input.rewind()
        model.run(input, output)
        output.rewind()
        return ByteArray(rgb.size) { real[output.get().toInt() + 128] }
    }

    override fun close() = model.close()
}
