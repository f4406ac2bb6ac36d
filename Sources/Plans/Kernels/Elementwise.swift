import CKernels

/// Runs a program over blocks that stay in L1.
final class ElementwiseKernel: Kernel {
    /// Elements that a task takes at least.
    private static let grain = 1 << 14

    private let table: UnsafePointer<vk_table>
    private var program: vk_program
    private let code: Table<vk_instruction>, slots: Table<vk_slot>, tables: [Table<Int32>]
    private let samples: Int, samplesPerTask: Int, elementsPerTask: Int
    let tasks: Int, scratch: Int

    /// - Parameters:
    ///   - samples: in memory; 1 of what is replicated.
    ///   - base: where an item's memory begins; a scalar's is a Double.
    init(_ program: Program, samples: Int, table: UnsafePointer<vk_table>, base: (Int) -> UnsafeMutableRawPointer) {
        code = Table(program.code)
        var tables: [Table<Int32>] = []
        slots = Table(
            program.slots.map { slot in
                var result = vk_slot()
                result.kind = Int32(slot.kind)
                if let item = slot.item { result.base = base(item).assumingMemoryBound(to: Float.self) }
                (result.stride, result.period) = (Int64(slot.stride), Int64(slot.period))
                if let offsets = slot.table {
                    tables.append(Table(offsets))
                    result.table = UnsafePointer(tables.last!.pointer)
                }
                return result
            })
        self.tables = tables
        self.table = table
        self.program = vk_program(
            code: code.pointer, instructions: Int64(code.count), slots: slots.pointer, slotCount: Int64(slots.count),
            count: Int64(program.space.count), local: nil, machine: nil)
        self.program.machine = table.pointee.compile?(&self.program)
        scratch = Int(vk_scratch(&self.program))
        self.samples = samples
        let count = max(1, program.space.count)
        samplesPerTask = max(1, Self.grain / count)
        elementsPerTask = program.hasSums || count < 2 * Self.grain ? count : Self.grain
        tasks = samples.divided(up: samplesPerTask) * count.divided(up: elementsPerTask)
    }

    deinit { vk_release(&program) }

    /// Runs over whole samples as part of another kernel's task.
    /// - Parameter local: what slots in runs meet, from the first of these samples on.
    func run(samples: Range<Int>, local: Floats, scratch: Floats) {
        var program = program
        program.local = local
        table.pointee.elementwise(&program, Int64(samples.lowerBound), Int64(samples.upperBound), 0, program.count, scratch)
    }

    func run(_ task: Int, scratch: Floats) {
        let pieces = Int(program.count).divided(up: elementsPerTask)
        let sample = task / pieces * samplesPerTask, element = task % pieces * elementsPerTask
        withUnsafePointer(to: &program) {
            table.pointee.elementwise(
                $0, Int64(sample), Int64(min(sample + samplesPerTask, samples)), Int64(element),
                min(Int64(element + elementsPerTask), $0.pointee.count), scratch)
        }
    }
}

/// Several loops of which none waits for another, as one.
final class SweepKernel: Kernel {
    private let loops: [ElementwiseKernel]
    /// Of each task its loop, and its number there.
    private let places: [(loop: Int, task: Int)]
    let scratch: Int
    var tasks: Int { places.count }

    init(_ loops: [ElementwiseKernel]) {
        self.loops = loops
        places = loops.indices.flatMap { loop in (0 ..< loops[loop].tasks).map { (loop, $0) } }
        scratch = loops.map(\.scratch).max()!
    }

    func run(_ task: Int, scratch: Floats) {
        let place = places[task]
        loops[place.loop].run(place.task, scratch: scratch)
    }
}
