import CHDF5

extension Dataset {
    /// What each chunk goes through when it is written, in order: "shuffle", "deflate", "fletcher32" (a checksum).
    public func filters() throws(HDF5Error) -> [String] {
        let creation = Handle(try checked("\(name): no properties") { H5Dget_create_plist(handle.id) }) { H5Pclose($0) }
        let count = try checked("\(name): no list of filters") { H5Pget_nfilters(creation.id) }
        var filters: [String] = []
        for number in 0 ..< count {
            var flags: UInt32 = 0, settings: UInt32 = 0, size = 0
            let filter = try checked("\(name): filter \(number) is not known") {
                H5Pget_filter2(creation.id, UInt32(number), &flags, &size, &settings, 0, nil, nil)
            }
            switch filter {
            case H5Z_FILTER_DEFLATE: filters.append("deflate")
            case H5Z_FILTER_SHUFFLE: filters.append("shuffle")
            case H5Z_FILTER_FLETCHER32: filters.append("fletcher32")
            default: filters.append("filter \(filter)")
            }
        }
        return filters
    }
}
