import Datasets
import Foundation
import Testing

@Suite struct SetTests {
    @Test(arguments: SampleType.allCases, [0, 3]) func everyTypeReadsBack(_ type: SampleType, _ deflate: Int) throws {
        for (shape, chunk) in [([4, 4, 2], 64), ([5], 128), ([2, 3, 1], 1), ([3], 16), ([7], nil)] {
            try withFolder { folder in
                let counting = Counting(type: type, shape: shape, counts: [("train", 300)], samplesPerChunk: chunk, groups: true, deflate: deflate)
                let manifest = try counting.write(at: folder)
                let set = try SampleSet(at: folder)
                #expect(set.manifest == manifest && manifest.splits[0].shards.count == (chunk == nil ? 1 : 3))
                try set.verify()
                let split = try set.split("train"), expected = counting.samples(0 ..< split.count)
                #expect(split.labels == expected.labels && split.groups == expected.groups && split.sources == expected.sources)
                let reader = SplitReader(split)
                #expect(try reader.values(0 ..< split.count) == expected.values)
                #expect(try reader.values(63 ..< 67) == counting.samples(63 ..< 67).values)
            }
        }
    }

    @Test(arguments: [1, 2, 3, 5]) func anyRankCountWritesTheSame(_ ranks: Int) throws {
        try withFolder { one in
            try withFolder { many in
                let counting = Counting(groups: true)
                let manifest = try counting.write(at: one)
                #expect(try counting.write(at: many, ranks: ranks) == manifest)
                for file in manifest.splits.flatMap(\.shards).map(\.file) + [Manifest.fileName] {
                    #expect(try Data(contentsOf: one.appendingPathComponent(file)) == Data(contentsOf: many.appendingPathComponent(file)))
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: many.path).count == manifest.splits.flatMap(\.shards).count + 1)
            }
        }
    }

    @Test func theFingerprintIsOfTheContentAlone() throws {
        func fingerprint(_ counting: Counting) throws -> String { try withFolder { try counting.write(at: $0).fingerprint } }
        let plain = try fingerprint(Counting())
        #expect(try fingerprint(Counting(deflate: 5)) == plain)
        #expect(try fingerprint(Counting(samplesPerShard: 64)) == plain)
        #expect(try fingerprint(Counting(samplesPerShard: nil, samplesPerChunk: nil)) == plain)
        #expect(try fingerprint(Counting(samplesPerChunk: 8)) == plain)
        #expect(try fingerprint(Counting(counts: [("train", 499), ("test", 70)])) != plain)
        #expect(try fingerprint(Counting(counts: [("test", 70), ("train", 500)])) != plain)
        #expect(try fingerprint(Counting(type: .i16)) != plain)
        #expect(try fingerprint(Counting(shape: [4, 2, 4])) != plain)
        #expect(try fingerprint(Counting(groups: true)) != plain)
    }

    @Test func theManifestCounts() throws {
        try withFolder { folder in
            let manifest = try Counting().write(at: folder)
            #expect(manifest.splits.map { $0.shards.map(\.count) } == [[128, 128, 128, 116], [70]])
            #expect(manifest.splits[0].shards.map(\.file) == (0 ..< 4).map { "train-0000\($0).h5" })
            #expect(manifest.classes.map(\.normal) == [true, true, false])
            #expect(manifest.classes.map(\.counts) == [["train": 167, "test": 24], ["train": 167, "test": 23], ["train": 166, "test": 23]])
        }
    }

    /// Groups and what is not labeled are told where they are, and otherwise the manifest has no word of them.
    @Test func theManifestSaysWhatIsKnown() throws {
        try withFolder { folder in
            let manifest = try Counting(groups: true, unlabeled: ["b"]).write(at: folder)
            #expect(manifest.splits.map(\.grouped) == [true, true] && manifest.classes.map(\.labeled) == [nil, false, nil])
            #expect(manifest.classes.map(\.sign) == [1, 0, -1])
            try SampleSet(at: folder).verify()
        }
        try withFolder { folder in
            let manifest = try Counting().write(at: folder), text = String(decoding: try manifest.encoded(), as: UTF8.self)
            #expect(manifest.splits.map(\.grouped) == [nil, nil] && !text.contains("grouped") && !text.contains("labeled"))
        }
        try withFolder { folder in
            let counting = Counting()
            let writer = try SetWriter(at: folder, description: counting.description, samplesPerChunk: 64, samplesPerShard: 128)
            let records = try writer.write(split: "train", count: 500) { range in
                var samples = counting.samples(range)
                if range.lowerBound < 128 { samples.groups = range.map { Int64($0) } }
                return samples
            }
            #expect(
                message { _ = try writer.finish(records: records) }
                    == "only some shards of split train have groups; give a group to every sample or to none")
        }
    }

    @Test func aKilledJobIsContinued() throws {
        struct Killed: Error {}
        let counting = Counting()
        let whole = try withFolder { try counting.write(at: $0) }
        for steps in 0 ..< 5 {
            try withFolder { folder in
                var calls = 0
                let writer = try SetWriter(at: folder, description: counting.description, samplesPerChunk: 64, samplesPerShard: 128)
                #expect(throws: Killed.self) {
                    try writer.write(split: "train", count: 500) {
                        calls += 1
                        if calls > steps { throw Killed() }
                        return counting.samples($0)
                    }
                }
                #expect(
                    message { _ = try SampleSet(at: folder) }
                        == "\(folder.lastPathComponent) has no manifest.json, so it is no set, or one whose writing was not finished")
                let kept = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("train") }
                let inodes = try kept.map {
                    try FileManager.default.attributesOfItem(atPath: folder.appendingPathComponent($0).path)[.systemFileNumber] as? Int
                }
                #expect(try counting.write(at: folder, ranks: 2) == whole)
                #expect(
                    try kept.map {
                        try FileManager.default.attributesOfItem(atPath: folder.appendingPathComponent($0).path)[.systemFileNumber] as? Int
                    } == inodes)
                try SampleSet(at: folder).verify()
            }
        }
    }

    @Test func anotherJobsShardsAreNotTaken() throws {
        try withFolder { folder in
            try Counting().write(at: folder)
            #expect(
                message { try Counting().write(at: folder) }
                    == "\(folder.lastPathComponent) already holds a finished set; remove it or choose another folder")
            try FileManager.default.removeItem(at: folder.appendingPathComponent(Manifest.fileName))
            #expect(
                message { try Counting(seed: "2").write(at: folder) }
                    == "train-00000.h5 is there already and belongs to another job; remove the folder or choose another")
            #expect(message { try Counting().write(at: folder) } == "no error")
        }
    }

    @Test func emptySplitsAndMissingRecords() throws {
        try withFolder { folder in
            let counting = Counting(counts: [("train", 0), ("test", 1)])
            try counting.write(at: folder, ranks: 2)
            let set = try SampleSet(at: folder)
            try set.verify()
            #expect(try set.split("train").count == 0 && set.split("test").labels == [0])
            #expect(message { _ = try set.split("validation") } == "counting has no split \"validation\"; it has train, test")
        }
        try withFolder { folder in
            let writer = try SetWriter(at: folder, description: Counting().description, ranks: 2, rank: 0, samplesPerChunk: 64, samplesPerShard: 128)
            let records = try writer.write(split: "train", count: 500, Counting().samples)
            #expect(message { _ = try writer.finish(records: records) } == "split train has 4 shards, but records came of [0, 2]")
        }
    }

    @Test func impossibleDescriptionsAreRefused() throws {
        try withFolder { folder in
            for (shape, text) in [([0], "[0]"), ([2, 2], "[2, 2]"), ([1 << 40, 1 << 40, 1], "[1099511627776, 1099511627776, 1]")] {
                #expect(
                    message { _ = try SetWriter(at: folder, description: Counting(shape: shape).description) }
                        == "manifest.json: shape \(text) is not [height, width, channels] or [features]")
            }
            var description = Counting().description
            description.normalClasses = ["z"]
            #expect(
                message { _ = try SetWriter(at: folder, description: description) }
                    == "counting: the normal class \"z\" is none of [\"a\", \"b\", \"c\"]")
            #expect(
                message { _ = try SetWriter(at: folder, description: Counting(unlabeled: ["y"]).description) }
                    == "counting: the unlabeled class \"y\" is none of [\"a\", \"b\", \"c\"]")
        }
    }

    @Test func numbersOutsideTheRangeAreRefused() throws {
        try withFolder { folder in
            var description = Counting(type: .f32, shape: [2]).description
            description.range = 0 ... 1
            for value in [Float.nan, 1.5, -Float.infinity] {
                let text = message {
                    _ = try SetWriter(at: folder, description: description).write(split: "train", count: 1) { _ in
                        Samples(values: .f32([0, value]), labels: [0])
                    }
                }
                #expect(text == "a sample holds \(value), outside the declared range 0.0...1.0; correct the source or declare its range")
            }
        }
    }

    @Test func h5pyReadsShards() throws {
        try withFolder { folder in
            try Counting(type: .i16, groups: true, deflate: 2).write(at: folder)
            let script = """
                import h5py, numpy, sys
                with h5py.File(sys.argv[1] + "/train-00001.h5") as f:
                    n = numpy.arange(128, 256)
                    expected = -(n[:, None] * 7 + numpy.arange(32)).astype("i2").reshape(128, 4, 4, 2)
                    assert f["samples"].dtype == "i2" and numpy.array_equal(f["samples"][:], expected)
                    assert f["samples"].fletcher32 and f["samples"].compression == "gzip"
                    assert numpy.array_equal(f["labels"][:], n % 3) and numpy.array_equal(f["groups"][:], n // 10)
                    assert numpy.array_equal(f["sources"][:], n + 1000)
                    assert [c.decode() for c in f["labels"].attrs["class_names"]] == ["a", "b", "c"]
                    assert list(f["samples"].attrs["value_range"]) == [-32768, 65535]
                    assert f.attrs["vigil_format"] == 1 and f.attrs["name"] == b"counting"
                """
            _ = try python(script, folder.path, needing: "h5py")
        }
    }
}
