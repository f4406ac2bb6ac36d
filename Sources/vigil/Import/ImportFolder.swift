import ArgumentParser
import Datasets
import Ranks

extension ImportCommand {
    struct Folder: RankCommand {
        static let configuration = CommandConfiguration(
            commandName: "folder", abstract: "PNG and JPEG files of 8 or 16 bits in folders that name their classes.",
            discussion: "FOLDER/CLASS/..., or FOLDER/train/CLASS/... and FOLDER/test/CLASS/... where a division was published.")
        @Argument(help: "The folder.", completion: .directory) var folder: String
        @Option(help: "Height and width to resize to (bilinear, filtered where it shrinks), as 64x64; the pictures' own unless given.") var size:
            String?
        @Option(help: "1 for gray, 3 for colors; the pictures' own unless given.") var channels: Int?
        @Option(
            help:
                "Regular expression whose group, in the path of a file in its class's folder, names what belongs together (scan, patient), as \"^([^_]+)_\"."
        )
        var group: String?
        @OptionGroup var options: Options

        func run(on group: RankGroup) throws -> Int32 {
            try options.write(FolderSource(url(folder), size: extents(size, of: "--size"), channels: channels, group: self.group), group)
        }
    }
}
