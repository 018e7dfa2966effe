import Glibc
import Linux
import Streams

/// What Firecracker and the guest's kernel say: a file of at most 1 MiB, and the last lines for an error message.
final class Console {
    private static let most = 1 << 20
    private static let tailLength = 4096

    private let reading: Descriptor
    private let file: Descriptor
    private var written = 0
    private var tail: [UInt8] = []
    private var watch: EventLoop.Watch?

    /// The end of the pipe that Firecracker writes to, until it is started.
    private(set) var writing: Descriptor?

    init(log: String, loop: EventLoop) throws {
        let pipe = try Descriptor.pipe(name: "console")
        reading = pipe.reading
        writing = pipe.writing
        file = try Descriptor(opening: log, O_WRONLY | O_CREAT | O_TRUNC)
        try reading.setNonBlocking()
        watch = loop.watch(reading.raw, .read) { [unowned self] _ in
            if try !drain() { watch?.cancel() }
        }
    }

    /// Firecracker has its own copy now; ours would keep the pipe from ending.
    func closeWritingEnd() { writing = nil }

    /// Reads what is there. False at the end.
    @discardableResult
    func drain() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = read(reading.raw, &buffer, buffer.count)
            guard count > 0 else { return count < 0 && [EAGAIN, EINTR].contains(errno) }
            let bytes = buffer[..<count]
            tail = Array((tail + bytes).suffix(Self.tailLength))
            // A guest that fills its console must not fill /run: beyond the limit the file stays as it is.
            let room = Self.most - written
            if room > 0 {
                do {
                    try file.writeAll(Array(bytes.prefix(room)))
                    written += count
                } catch {
                    written = Self.most  // A full /run ends the log, not the VM.
                }
            }
        }
    }

    /// The last lines of the guest, or of Firecracker where the guest has said nothing, for one line of an error message.
    func lastWords(of id: String) -> String {
        let lines = String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline).map { line in
            String(line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }.map(Character.init))
        }.filter { !$0.allSatisfy(\.isWhitespace) }
        let guest = lines.filter { !$0.contains("[\(id):") }
        let words = (guest.isEmpty ? lines : guest).suffix(3).joined(separator: " | ")
        return words.isEmpty ? "no word on its console" : words
    }
}
