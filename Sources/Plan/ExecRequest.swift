import OCI

/// What vm-exec sends to the guest before anything else on its connection to `GuestPort.exec`: a length of four bytes in
/// network order, then this document. Then both ends speak in control messages.
///
/// The guest answers `ready` with an id at once. The SSH session that then runs the command ID becomes the process;
/// its stdin, stdout, stderr and terminal are the session's. Signals and the status travel by this connection.
public struct ExecRequest: Codable, Hashable, Sendable {
    /// As in the engine's process.json: arguments, environment, user and the like, exact to the byte.
    public var process: OCIProcess
    /// False: the process's stdin is /dev/null.
    public var hasInput: Bool
    /// True: it runs in the sidecar's own root beside the image, which has our program and nothing else. Absent: false.
    public var inSidecar: Bool?

    public init(process: OCIProcess, hasInput: Bool, inSidecar: Bool = false) {
        self.process = process
        self.hasInput = hasInput
        self.inSidecar = inSidecar ? true : nil
    }

    /// Length and document.
    public func encoded() throws -> [UInt8] {
        let document = try JSONValue(encoding: self).serialized()
        let length = UInt32(document.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + document
    }
}
