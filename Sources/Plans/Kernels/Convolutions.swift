import CKernels
import Graphs

/// Products of windows of images with a shared matrix: one or several kinds of windows (a transposed convolution has one
/// for each residue by its stride), each with weights of its own.
final class WindowKernel: Kernel {
    /// One kind of windows: their places in an image and in its result, and the walk through a window.
    struct Kind {
        /// For every window of an image, where it begins and where its result goes.
        let places: [(a: Int, c: Int)]
        /// Blocks of weights lie one after another: group by group, run by run; `bRun` floats each.
        let groups: Int, runs: Int, length: Int
        let aGroup: Int, aRun: Int
        /// Where the weights begin, and floats from panel to panel and from run to run.
        let b: Int, bPanel: Int, bRun: Int
    }
    private struct Walk {
        let kind: Kind, aRow: Table<Int64>, cRow: Table<Int64>
    }
    /// Rows that make it worth fetching the weights once more.
    private static let rowsPerTask = 160

    private let table: UnsafePointer<vk_table>
    private let walks: [Walk], images: Int, imagesPerTask: Int
    private let a: Floats, b: Floats, c: Floats, aImage: Int, cImage: Int, columns: Int
    let scratch = 0
    var tasks: Int { images.divided(up: imagesPerTask) }

    init(
        _ kinds: [Kind], images: Int, aImage: Int, cImage: Int, columns: Int, table: UnsafePointer<vk_table>,
        a: Floats, packed b: Floats, c: Floats
    ) {
        let largest = kinds.map(\.places.count).max()!
        let imagesPerTask = max(1, Self.rowsPerTask / max(1, largest))
        walks = kinds.map { kind in
            func rows(_ place: (_ window: (a: Int, c: Int), _ image: Int) -> Int) -> Table<Int64> {
                Table((0 ..< imagesPerTask).flatMap { image in kind.places.map { Int64(place($0, image)) } })
            }
            return Walk(kind: kind, aRow: rows { $0.a + $1 * aImage }, cRow: rows { $0.c + $1 * cImage })
        }
        (self.images, self.imagesPerTask, self.aImage, self.cImage, self.columns) = (images, imagesPerTask, aImage, cImage, columns)
        (self.table, self.a, self.b, self.c) = (table, a, b, c)
    }

    func run(_ task: Int, scratch: Floats) {
        let image = task * imagesPerTask, count = min(imagesPerTask, images - image)
        for walk in walks {
            let kind = walk.kind
            var product = vk_product()
            (product.rows, product.columns) = (Int64(count * kind.places.count), Int64(columns))
            (product.a, product.aRow) = (UnsafePointer(a + image * aImage), UnsafePointer(walk.aRow.pointer))
            (product.aGroup, product.aRun, product.aStep) = (Int64(kind.aGroup), Int64(kind.aRun), 1)
            (product.b, product.bPanel, product.bStep) = (UnsafePointer(b + kind.b), Int64(kind.bPanel), table.pointee.panel)
            (product.bGroup, product.bRun) = (Int64(kind.runs * kind.bRun), Int64(kind.bRun))
            (product.c, product.cRow) = (c + image * cImage, UnsafePointer(walk.cRow.pointer))
            (product.groups, product.runs, product.length) = (Int64(kind.groups), Int64(kind.runs), Int64(kind.length))
            table.pointee.product(&product)
        }
    }
}

/// What a convolution of one shape asks of `WindowKernel`, `PackKernel` and `WeightKernel`.
struct ConvolutionShape {
    let stride: Int
    /// [height, width, channels] of the side that windows are cut from (with its padding) and of the side with one element for each.
    let input: [Int], output: [Int]
    /// [height, width].
    let kernel: [Int]

    private var channels: Int { input[2] }
    private var features: Int { output[2] }

    // MARK: Forward

    func packings(_ weights: Floats) -> [Packing] {
        [Packing(from: weights, inner: kernel[0] * kernel[1] * channels, columns: features, rowStride: features, columnStride: 1)]
    }

    func windows(panel: Int) -> [WindowKernel.Kind] {
        let places = (0 ..< output[0]).flatMap { y in
            (0 ..< output[1]).map { x in (a: (y * stride * input[1] + x * stride) * channels, c: (y * output[1] + x) * features) }
        }
        let run = kernel[1] * channels
        return [
            WindowKernel.Kind(
                places: places, groups: 1, runs: kernel[0], length: run, aGroup: 0, aRun: input[1] * channels,
                b: 0, bPanel: kernel[0] * run * panel, bRun: run * panel)
        ]
    }

    // MARK: By the weights

    /// Where each row of the result, (i, j, channel), has its first factor.
    var weightRows: [Int] {
        (0 ..< kernel[0]).flatMap { i in (0 ..< kernel[1]).flatMap { j in (0 ..< channels).map { (i * input[1] + j) * channels + $0 } } }
    }

    func weightWalk(views: Int) -> WeightKernel.Walk {
        WeightKernel.Walk(
            imagesPerSample: views, aImage: input.reduce(1, *), bImage: output.reduce(1, *), runs: output[0],
            aRun: stride * input[1] * channels, bRun: output[1] * features, length: output[1], aStep: stride * channels, bStep: features)
    }
}

/// The same for a transposed convolution: from the small side, which has the padding its windows need, to the big one.
struct TransposedConvolutionShape {
    let geometry: Geometry
    /// [height, width, channels] of the big side; [height, width, features] of the small one with its padding.
    let big: [Int], padded: [Int]
    /// [height, width].
    let kernel: [Int]
    private let rows: TransposedWindows, columns: TransposedWindows

    init(geometry: Geometry, big: [Int], small: [Int], padded: [Int], kernel: [Int]) {
        (self.geometry, self.big, self.padded, self.kernel) = (geometry, big, padded, kernel)
        rows = TransposedWindows(geometry, big: big[0], small: small[0], kernel: kernel[0])
        columns = TransposedWindows(geometry, big: big[1], small: small[1], kernel: kernel[1])
    }

    private var channels: Int { big[2] }
    private var features: Int { padded[2] }

    /// For each kind of windows, tap by tap: the matrix [features][channels] of that tap.
    func packings(_ weights: Floats) -> [Packing] {
        rows.windows.flatMap { y in
            columns.windows.flatMap { x in
                y.taps.flatMap { i in
                    x.taps.map { j in
                        Packing(
                            from: weights + (i * kernel[1] + j) * channels * features, inner: features, columns: channels, rowStride: 1,
                            columnStride: features)
                    }
                }
            }
        }
    }

    func windows(panel: Int) -> [WindowKernel.Kind] {
        let tap = channels.divided(up: panel) * panel * features
        var b = 0
        return rows.windows.enumerated().flatMap { residueY, y in
            columns.windows.enumerated().map { residueX, x in
                defer { b += y.taps.count * x.taps.count * tap }
                let places = (0 ..< y.places).flatMap { v in
                    (0 ..< x.places).map { u in
                        (
                            a: ((v + y.start + rows.before) * padded[1] + u + x.start + columns.before) * features,
                            c: ((v * geometry.stride + residueY) * big[1] + u * geometry.stride + residueX) * channels
                        )
                    }
                }
                return WindowKernel.Kind(
                    places: places, groups: y.taps.count, runs: x.taps.count, length: features, aGroup: padded[1] * features,
                    aRun: features, b: b, bPanel: features * panel, bRun: tap)
            }
        }
    }
}
