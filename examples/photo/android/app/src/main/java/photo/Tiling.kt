package photo

/** Pixels around each that its answer depends on: HALO of `tiling.py`. */
const val HALO = 10

/** A picture of RGB bytes, row by row. */
class Picture(val height: Int, val width: Int, val rgb: ByteArray = ByteArray(3 * height * width))

/** What a denoiser makes of a picture of any size: `in_tiles` of `tiling.py`. */
fun inTiles(picture: Picture, denoiser: Denoiser): Picture {
    val tile = denoiser.tile
    val made = Picture(picture.height, picture.width)
    for (row in starts(picture.height, tile)) for (column in starts(picture.width, tile)) {
        val clean = denoiser.clean(cut(picture, row, column, tile))
        val top = if (row > 0) HALO else 0
        val left = if (column > 0) HALO else 0
        val width = minOf(tile, picture.width - column) - left
        for (y in top until minOf(tile, picture.height - row)) {
            val to = 3 * ((row + y) * picture.width + column + left)
            clean.copyInto(made.rgb, to, 3 * (y * tile + left), 3 * (y * tile + left + width))
        }
    }
    return made
}

/** Where tiles start; the last one ends where the picture ends, or a pixel behind it, so that all are even. */
private fun starts(size: Int, tile: Int): List<Int> {
    val last = maxOf(size + size % 2 - tile, 0)
    return (0 until last step tile - 2 * HALO) + last
}

/** A tile, in which the last row and column of the picture go on behind it. */
private fun cut(picture: Picture, row: Int, column: Int, tile: Int) = ByteArray(3 * tile * tile) { at ->
    val y = minOf(row + at / (3 * tile), picture.height - 1)
    val x = minOf(column + at / 3 % tile, picture.width - 1)
    picture.rgb[3 * (y * picture.width + x) + at % 3]
}
