import CKernels

/// An elementwise program over arrays of this struct, which outlive its runs.
struct Program {
    enum Slot {
        case temporary
        case load([Float])
        case periodic([Float], period: Int, stride: Int)
        case scalar(Double)
        case gather([Float], table: [Int32], stride: Int)
        case store
        /// Stored where slot `over` is loaded from.
        case storeOver(Int)
        case sum(period: Int)
        case sumRuns(length: Int)
        case sumTable([Int32], results: Int)
    }

    typealias Line = (operation: vk_operation, a: Int, b: Int, result: Int)

    var slots: [Slot], code: [Line], count: Int

    /// The values of all slots that are written to memory, by slot, after a run in parts.
    ///
    /// - Parameters:
    ///   - samples: consecutive ranges of samples, one call each
    ///   - elements: consecutive ranges of elements for each of those calls; all of them where nil
    func run(by table: Table, samples: [Range<Int>], elements: [Range<Int>]? = nil) -> [Int: [Float]] {
        let sampleCount = samples.last!.upperBound
        var memory: [UnsafeMutableRawPointer] = []
        defer { memory.forEach { $0.deallocate() } }
        func floats(_ values: [Float]) -> UnsafeMutablePointer<Float> {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: max(values.count, 1))
            pointer.initialize(from: values, count: values.count)
            memory.append(UnsafeMutableRawPointer(pointer))
            return pointer
        }
        func indices(_ values: [Int32]) -> UnsafePointer<Int32> {
            let pointer = UnsafeMutablePointer<Int32>.allocate(capacity: max(values.count, 1))
            pointer.initialize(from: values, count: values.count)
            memory.append(UnsafeMutableRawPointer(pointer))
            return UnsafePointer(pointer)
        }
        var places: [vk_slot] = [], results: [Int: Int] = [:]
        for (index, slot) in slots.enumerated() {
            var place = vk_slot()
            func result(_ kind: vk_kind, size: Int, period: Int = 0) {
                (place.kind, place.stride, place.period) = (Int32(kind.rawValue), Int64(size), Int64(period))
                place.base = floats([Float](repeating: -7777, count: size * sampleCount))
                results[index] = size * sampleCount
            }
            switch slot {
            case .temporary:
                place.kind = Int32(VK_TEMPORARY.rawValue)
            case .load(let values):
                (place.kind, place.base, place.stride) = (Int32(VK_LOAD.rawValue), floats(values), Int64(count))
            case .periodic(let values, let period, let stride):
                (place.kind, place.base) = (Int32(VK_PERIODIC.rawValue), floats(values))
                (place.stride, place.period) = (Int64(stride), Int64(period))
            case .scalar(let value):
                let pointer = UnsafeMutablePointer<Double>.allocate(capacity: 1)
                pointer.initialize(to: value)
                memory.append(UnsafeMutableRawPointer(pointer))
                place.kind = Int32(VK_SCALAR.rawValue)
                place.base = UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
            case .gather(let values, let table, let stride):
                (place.kind, place.base, place.stride) = (Int32(VK_GATHER.rawValue), floats(values), Int64(stride))
                place.table = indices(table)
            case .store:
                result(VK_STORE, size: count)
            case .storeOver(let other):
                result(VK_STORE, size: count)
                place.base = places[other].base
            case .sum(let period):
                result(VK_SUM, size: period, period: period)
            case .sumRuns(let length):
                result(VK_SUM_RUNS, size: (count + length - 1) / length, period: length)
            case .sumTable(let table, let size):
                result(VK_SUM_TABLE, size: size, period: size)
                place.table = indices(table)
            }
            places.append(place)
        }
        let instructions = code.map {
            vk_instruction(operation: Int32($0.operation.rawValue), a: Int32($0.a), b: Int32($0.b), result: Int32($0.result))
        }
        instructions.withUnsafeBufferPointer { instructions in
            places.withUnsafeBufferPointer { places in
                var program = vk_program(
                    code: instructions.baseAddress, instructions: Int64(instructions.count), slots: places.baseAddress,
                    slotCount: Int64(places.count), count: Int64(count), local: nil, machine: nil)
                if table.compiles { program.machine = table.pointer.pointee.compile(&program) }
                defer { vk_release(&program) }
                let scratchBytes = Int(vk_scratch(&program)) * MemoryLayout<Float>.size
                let scratch = UnsafeMutableRawPointer.allocate(byteCount: scratchBytes, alignment: 64)
                defer { scratch.deallocate() }
                scratch.initializeMemory(as: UInt8.self, repeating: 0xff, count: scratchBytes)  // NaN, where it is read unwritten
                for sampleRange in samples {
                    for range in elements ?? [0 ..< count] {
                        table.pointer.pointee.elementwise(
                            &program, Int64(sampleRange.lowerBound), Int64(sampleRange.upperBound), Int64(range.lowerBound),
                            Int64(range.upperBound), scratch.assumingMemoryBound(to: Float.self))
                    }
                }
            }
        }
        return Dictionary(uniqueKeysWithValues: results.map { ($0, Array(UnsafeBufferPointer(start: places[$0].base, count: $1))) })
    }
}
