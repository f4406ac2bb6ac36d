import CKernels
import Graphs

/// A matrix to be laid out in panels: element (k, n) at `from[k·rowStride + n·columnStride]`.
struct Packing {
    let from: Floats, inner: Int, columns: Int, rowStride: Int, columnStride: Int

    func floats(panel: Int) -> Int { columns.divided(up: panel) * panel * inner }
}

/// Lays shared matrices out in panels, one after another.
final class PackKernel: Kernel {
    private static let panelsPerTask = 4
    private let table: UnsafePointer<vk_table>, to: Floats
    /// For each task the matrix, where its panels go, and which of them.
    private let pieces: [(packing: Packing, to: Int, panels: Range<Int>)]
    let scratch = 0
    var tasks: Int { pieces.count }

    init(_ packings: [Packing], table: UnsafePointer<vk_table>, to: Floats) {
        (self.table, self.to) = (table, to)
        let panel = Int(table.pointee.panel)
        var start = 0
        pieces = packings.flatMap { packing in
            defer { start += packing.floats(panel: panel) }
            let panels = packing.columns.divided(up: panel)
            return stride(from: 0, to: panels, by: Self.panelsPerTask).map { (packing, start, $0 ..< min($0 + Self.panelsPerTask, panels)) }
        }
    }

    func run(_ task: Int, scratch: Floats) {
        let (p, start, panels) = pieces[task]
        table.pointee.pack(
            to + start, p.from, Int64(p.inner), Int64(p.columns), Int64(p.rowStride), Int64(p.columnStride),
            Int64(panels.lowerBound), Int64(panels.upperBound))
    }
}

/// Rows times a shared matrix in panels.
final class ProductKernel: Kernel {
    private static let rowsPerTask = 96
    private let table: UnsafePointer<vk_table>
    private let rows: Int, inner: Int, columns: Int, a: Floats, b: Floats, c: Floats
    private let aRow: Table<Int64>, cRow: Table<Int64>
    private let panelsPerTask: Int
    let scratch = 0
    let tasks: Int

    init(rows: Int, inner: Int, columns: Int, threads: Int, table: UnsafePointer<vk_table>, a: Floats, packed b: Floats, c: Floats) {
        (self.rows, self.inner, self.columns, self.table, self.a, self.b, self.c) = (rows, inner, columns, table, a, b, c)
        aRow = Table((0 ..< Self.rowsPerTask).map { Int64($0 * inner) })
        cRow = Table((0 ..< Self.rowsPerTask).map { Int64($0 * columns) })
        let blocks = rows.divided(up: Self.rowsPerTask), panels = columns.divided(up: Int(table.pointee.panel))
        panelsPerTask = min(16, panels.divided(up: threads.divided(up: blocks)))
        tasks = blocks * panels.divided(up: panelsPerTask)
    }

    func run(_ task: Int, scratch: Floats) {
        let width = Int(table.pointee.panel) * panelsPerTask, blocks = rows.divided(up: Self.rowsPerTask)
        let row = task % blocks * Self.rowsPerTask, column = task / blocks * width
        var product = vk_product()
        (product.rows, product.columns) = (Int64(min(Self.rowsPerTask, rows - row)), Int64(min(width, columns - column)))
        (product.a, product.aRow, product.aStep) = (UnsafePointer(a + row * inner), UnsafePointer(aRow.pointer), 1)
        (product.b, product.bPanel, product.bStep) = (UnsafePointer(b + column * inner), Int64(inner) * table.pointee.panel, table.pointee.panel)
        (product.c, product.cRow) = (c + row * columns + column, UnsafePointer(cRow.pointer))
        (product.groups, product.runs, product.length) = (1, 1, Int64(inner))
        table.pointee.product(&product)
    }
}

/// The sum over samples and positions of outer products, row (of one) by row (of the other): what moves shared weights.
///
/// Every lane's sum is formed alone and lanes are added along the tree, piece by piece of the result, so that neither
/// needs more than a piece of scratch and threads share the pieces.
final class WeightKernel: Kernel {
    /// How a lane's positions are walked in both operands; an image is a sample's view.
    struct Walk {
        var imagesPerSample = 1
        /// Floats from image to image.
        let aImage: Int, bImage: Int
        /// Runs of positions in an image, and how far they are apart.
        var runs = 1
        var aRun = 0, bRun = 0
        let length: Int
        let aStep: Int, bStep: Int
    }
    private static let rowsPerTask = 96, columnsPerTask = 512

    private let table: UnsafePointer<vk_table>
    private let partition: Partition, walk: Walk
    private let columns: Int, a: Floats, b: Floats, to: Floats
    private let aRow: Table<Int64>, resultRow: Table<Int64>, scratchRow: Table<Int64>
    let scratch: Int, tasks: Int
    private var rows: Int { aRow.count }

    /// - Parameters:
    ///   - aRow: for every row of the result, where its factor begins in an image of `a`.
    ///   - to: one result for each subtree of this rank.
    init(_ partition: Partition, walk: Walk, aRow: [Int], columns: Int, table: UnsafePointer<vk_table>, a: Floats, b: Floats, to: Floats) {
        (self.partition, self.walk, self.columns, self.table) = (partition, walk, columns, table)
        (self.a, self.b, self.to) = (a, b, to)
        self.aRow = Table(aRow.map(Int64.init))
        let width = min(columns, Self.columnsPerTask)
        resultRow = Table((0 ..< Self.rowsPerTask).map { Int64($0 * columns) })
        scratchRow = Table((0 ..< Self.rowsPerTask).map { Int64($0 * width) })
        scratch = partition.foldingDepth * Self.rowsPerTask * width
        tasks = aRow.count.divided(up: Self.rowsPerTask) * columns.divided(up: Self.columnsPerTask)
    }

    func run(_ task: Int, scratch: Floats) {
        let blocks = rows.divided(up: Self.rowsPerTask), width = min(columns, Self.columnsPerTask)
        let row = task % blocks * Self.rowsPerTask, column = task / blocks * Self.columnsPerTask
        let height = min(Self.rowsPerTask, rows - row), length = min(width, columns - column)
        for (number, subtree) in partition.subtrees.enumerated() {
            let result = to + (number * rows + row) * columns + column
            func place(_ level: Int) -> (Floats, stride: Int) {
                level == 0 ? (result, columns) : (scratch + (level - 1) * Self.rowsPerTask * width, width)
            }
            fold(subtree, into: 0) { lane, level in
                multiply(lane, rows: row ..< row + height, column: column, length, into: place(level).0, level == 0 ? resultRow : scratchRow)
            } add: { to, from in
                let (to, from) = (place(to), place(from))
                for r in 0 ..< height { table.pointee.add(to.0 + r * to.stride, from.0 + r * from.stride, Int64(length)) }
            }
        }
    }

    private func multiply(_ lane: Int, rows: Range<Int>, column: Int, _ length: Int, into c: Floats, _ cRow: Table<Int64>) {
        let samples = partition.samples(of: lane), image = samples.lowerBound * walk.imagesPerSample
        var product = vk_product()
        (product.rows, product.columns) = (Int64(rows.count), Int64(length))
        (product.a, product.aRow) = (UnsafePointer(a + image * walk.aImage), UnsafePointer(aRow.pointer + rows.lowerBound))
        (product.aGroup, product.aRun, product.aStep) = (Int64(walk.aImage), Int64(walk.aRun), Int64(walk.aStep))
        (product.b, product.bPanel) = (UnsafePointer(b + image * walk.bImage + column), table.pointee.panel)
        (product.bGroup, product.bRun, product.bStep) = (Int64(walk.bImage), Int64(walk.bRun), Int64(walk.bStep))
        (product.c, product.cRow) = (c, UnsafePointer(cRow.pointer))
        let images = samples.count * walk.imagesPerSample
        if walk.runs == 1, walk.aImage == walk.length * walk.aStep, walk.bImage == walk.length * walk.bStep {
            (product.groups, product.runs, product.length) = (1, 1, Int64(images * walk.length))
        } else {
            (product.groups, product.runs, product.length) = (Int64(images), Int64(walk.runs), Int64(walk.length))
        }
        table.pointee.product(&product)
    }
}
