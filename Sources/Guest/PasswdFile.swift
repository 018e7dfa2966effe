/// The image's /etc/passwd (passwd(5)): read by ourselves, since NSS would load the host's libraries, not the image's.
struct PasswdFile {
    private var homes: [UInt32: String] = [:]
    /// A file beyond it has no users: an image's may be a gigabyte, and each start and exec reads it.
    private static let largest = 4 << 20

    /// Of an image. What is no file that can be read, such as a pipe, a device or nothing, has no users.
    init(reading path: String) {
        self.init(ImagePath.contents(of: path, limit: Self.largest) ?? [])
    }

    init(text: String) { self.init(Array(text.utf8)) }

    /// Lines that are not of the file's form are passed over; the first entry of a user counts.
    private init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard fields.count >= 7, let uid = UInt32(fields[2]), homes[uid] == nil else { continue }
            homes[uid] = fields[5]
        }
    }

    /// The user's home; `/` where the file does not say.
    func home(of uid: UInt32) -> String {
        guard let home = homes[uid], !home.isEmpty else { return "/" }
        return home
    }
}
