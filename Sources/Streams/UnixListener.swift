import CLinux
import Glibc
import Linux

/// A listening Unix socket (unix(7)); its file goes with it.
public final class UnixListener {
    private let path: String
    private let socket: Descriptor
    private var watch: EventLoop.Watch?

    /// Listens at `path`, which must not exist, with mode 0600. Each connection is handed to `onConnection`.
    public init(_ path: String, loop: EventLoop, onConnection: @escaping (Descriptor) throws -> Void) throws {
        self.path = path
        socket = Descriptor(owning: try check(linux_unix_listen(path), "bind", on: path), name: path)
        watch = loop.watch(socket.raw, .read) { [unowned self] _ in
            let raw = linux_accept(socket.raw)
            // The other end may be gone again (ECONNABORTED).
            if raw >= 0 { try onConnection(Descriptor(owning: raw, name: path)) }
        }
    }

    deinit {
        watch?.cancel()
        unlink(path)
    }
}
