import Linux

/// A change that the kernel is asked for: one message, and how errors call it.
///
/// The factories beside each type (`.createBridge`, `.ensureAddress` …) are pure; `NetlinkSocket.perform` sends.
/// `createX` fails where X is there (EEXIST), `ensureX` and `deleteX` accept what already is as wanted.
public struct NetlinkRequest: Sendable {
    /// As in "RTM_NEWLINK".
    public var call: String
    /// The link's name, or the address or route.
    public var subject: String
    var type: UInt16
    var flags: UInt16
    var body: MessageWriter
    /// Errors that mean "already so".
    public var accepted: Set<Errno>
    /// nil: the request changes nothing, so that a dry run sends it too.
    var equivalent: Equivalent?

    /// What a dry run makes of a request.
    struct Equivalent: Sendable {
        /// The command of ip(8), bridge(8) or tc(8) that asks for the same.
        var words: @Sendable (NetworkTables) -> [String]
        /// nil: what it changes is not among the tables.
        var effect: (@Sendable (inout NetworkTables) -> Void)?

        init(_ words: [String], effect: (@Sendable (inout NetworkTables) -> Void)? = nil) {
            self.words = { _ in words }
            self.effect = effect
        }

        /// A command that names links which the request knows by their indexes.
        init(
            _ words: @escaping @Sendable (NetworkTables) -> [String],
            effect: (@Sendable (inout NetworkTables) -> Void)? = nil
        ) {
            self.words = words
            self.effect = effect
        }
    }

    init(
        _ call: String, on subject: String, _ type: UInt16, flags: UInt16 = 0, accepting accepted: Set<Errno> = [],
        as equivalent: Equivalent?, _ write: (inout MessageWriter) -> Void
    ) {
        self.equivalent = equivalent
        self.call = call
        self.subject = subject
        self.type = type
        self.flags = flags | NLM_F_REQUEST | NLM_F_ACK
        self.accepted = accepted
        body = MessageWriter()
        write(&body)
    }

    /// The whole message: struct nlmsghdr and the payload.
    public func encoded(sequence: UInt32) -> [UInt8] {
        NetlinkRequest.message(type: type, flags: flags, sequence: sequence, body: body.bytes)
    }

    /// The same request that also succeeds where the kernel answers `errno`.
    public func accepting(_ errno: Errno) -> NetlinkRequest {
        var copy = self
        copy.accepted.insert(errno)
        return copy
    }

    static func message(type: UInt16, flags: UInt16, sequence: UInt32, body: [UInt8]) -> [UInt8] {
        var header = MessageWriter()
        header.put(UInt32(NLMSG_HDRLEN + body.count))
        header.put(type)
        header.put(flags)
        header.put(sequence)
        header.put(UInt32(0))
        return header.bytes + body
    }
}
