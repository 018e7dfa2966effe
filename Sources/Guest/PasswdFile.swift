/// The image's /etc/passwd (passwd(5)): read by ourselves, since NSS would load the host's libraries, not the image's.
struct PasswdFile {
    private var homes: [UInt32: String] = [:]

    /// Lines that are not of the file's form are passed over; the first entry of a user counts.
    init(text: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 7, let uid = UInt32(fields[2]), homes[uid] == nil else { continue }
            homes[uid] = String(fields[5])
        }
    }

    /// The user's home; `/` where the file does not say.
    func home(of uid: UInt32) -> String {
        guard let home = homes[uid], !home.isEmpty else { return "/" }
        return home
    }
}
