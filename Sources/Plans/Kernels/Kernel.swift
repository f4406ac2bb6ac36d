import CKernels

/// Work on memory fixed when the plan was made, in tasks that any thread may do in any order: no task writes what another
/// reads or writes, so the result does not depend on who does what.
protocol Kernel: AnyObject {
    var tasks: Int { get }
    /// Floats of scratch that a task needs.
    var scratch: Int { get }
    func run(_ task: Int, scratch: UnsafeMutablePointer<Float>)
}

/// Where values lie.
typealias Floats = UnsafeMutablePointer<Float>

/// A table that kernels in C read, kept as long as its owner.
final class Table<Element> {
    let pointer: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        pointer = .allocate(capacity: max(1, count))
        pointer.initialize(from: elements, count: count)
    }

    deinit { pointer.deallocate() }
}
