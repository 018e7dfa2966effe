import Glibc
import Linux

/// A NETLINK_ROUTE socket of the network namespace in which it was opened (rtnetlink(7)).
///
/// Not for more than one thread: each request waits for its answer.
public final class NetlinkSocket {
    private let descriptor: Descriptor
    private var sequence: UInt32 = 0
    /// How often a dump is begun again that the kernel calls inconsistent.
    private static let attempts = 16

    /// Opens a socket in the calling thread's network namespace; it stays there.
    public init() throws {
        let name = "NETLINK_ROUTE"
        let raw = try checked("socket", on: name) {
            // NETLINK_ROUTE is 0.
            Int(socket(AF_NETLINK, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0))
        }
        descriptor = Descriptor(owning: CInt(raw), name: name)
        // struct sockaddr_nl with port 0: the kernel chooses; our pid would allow one socket per process.
        var address = MessageWriter()
        address.put(UInt16(AF_NETLINK))
        address.put(UInt16(0))
        address.put(UInt32(0))
        address.put(UInt32(0))
        try checked("bind", on: name) {
            address.bytes.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return -1 }
                return Int(Glibc.bind(descriptor.raw, base.assumingMemoryBound(to: sockaddr.self), 12))
            }
        }
        // Before Linux 4.12 and 4.20 there is no such option; then errors have no sentence and dumps more to skip.
        for option in [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
            var on: CInt = 1
            _ = setsockopt(descriptor.raw, SOL_NETLINK, option, &on, 4)
        }
        var size: CInt = 1 << 20
        _ = setsockopt(descriptor.raw, SOL_SOCKET, SO_RCVBUF, &size, 4)
    }

    /// Asks for a change and waits for the kernel's answer.
    /// Throws `SystemError`, with the kernel's own sentence as its remedy; an accepted error is success.
    public func perform(_ request: NetlinkRequest) throws {
        if let dryRun = DryRun.current, let equivalent = request.equivalent {
            return try dryRun.record(equivalent, on: self)
        }
        guard !request.body.isTooLong else { throw SystemError(request.call, on: request.subject, Errno(EMSGSIZE)) }
        let sequence = nextSequence()
        try send(request.encoded(sequence: sequence), request.call, request.subject)
        while true {
            for message in try receive(request.call, request.subject, sequence) where message.type == NLMSG_ERROR {
                guard let (errno, text) = try message.outcome(subject: request.call) else { return }
                if request.accepted.contains(errno) { return }
                throw SystemError(request.call, on: request.subject, errno, remedy: text)
            }
        }
    }

    /// One object: the payload of the answer; nil where the kernel answers with an error that means "no such".
    func ask(
        _ call: String, on subject: String, _ type: UInt16, answer: UInt16, absent: Errno, body: MessageWriter
    ) throws -> ArraySlice<UInt8>? {
        guard !body.isTooLong else { throw SystemError(call, on: subject, Errno(EMSGSIZE)) }
        let sequence = nextSequence()
        let flags = NLM_F_REQUEST
        try send(
            NetlinkRequest.message(type: type, flags: flags, sequence: sequence, body: body.bytes), call, subject)
        while true {
            for message in try receive(call, subject, sequence) {
                if message.type == answer { return message.payload }
                guard message.type == NLMSG_ERROR, let (errno, text) = try message.outcome(subject: call) else {
                    continue
                }
                if errno == absent { return nil }
                throw SystemError(call, on: subject, errno, remedy: text)
            }
        }
    }

    /// Everything of one kind: `body` is the fixed header with the family; `parse` gives nil for what is not wanted.
    func dump<T>(
        _ call: String, _ type: UInt16, answer: UInt16, body: MessageWriter,
        _ parse: (ArraySlice<UInt8>) throws -> T?
    ) throws -> [T] {
        for _ in 0..<Self.attempts {
            if let found = try dumpOnce(call, type, answer: answer, body: body, parse) { return found }
        }
        throw SystemError(call, on: "dump", .interrupted, remedy: "the tables kept changing")
    }

    private func dumpOnce<T>(
        _ call: String, _ type: UInt16, answer: UInt16, body: MessageWriter,
        _ parse: (ArraySlice<UInt8>) throws -> T?
    ) throws -> [T]? {
        let sequence = nextSequence()
        let flags = NLM_F_REQUEST | NLM_F_DUMP
        try send(
            NetlinkRequest.message(type: type, flags: flags, sequence: sequence, body: body.bytes), call, "dump")
        var found: [T] = []
        var interrupted = false
        while true {
            for message in try receive(call, "dump", sequence) {
                interrupted = interrupted || message.flags & NLM_F_DUMP_INTR != 0
                switch message.type {
                case NLMSG_DONE, NLMSG_ERROR:
                    if let (errno, text) = try message.outcome(subject: call) {
                        throw SystemError(call, on: "dump", errno, remedy: text)
                    }
                    return interrupted ? nil : found
                case answer:
                    if let value = try parse(message.payload) { found.append(value) }
                default:
                    continue
                }
            }
        }
    }

    private func nextSequence() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    private func send(_ bytes: [UInt8], _ call: String, _ subject: String) throws {
        try checked(call, on: subject) {
            bytes.withUnsafeBytes { Glibc.send(descriptor.raw, $0.baseAddress, $0.count, 0) }
        }
    }

    /// One datagram from the kernel. EMSGSIZE where it is longer than any answer to what we ask: the kernel sends lists in
    /// pieces of at most 32 KiB.
    private func receive(_ call: String, _ subject: String, _ sequence: UInt32) throws -> [NetlinkMessage] {
        let datagram = try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            let length = try checked(call, on: subject) {
                recv(descriptor.raw, buffer.baseAddress, buffer.count, CInt(MSG_TRUNC))
            }
            guard length <= buffer.count else { throw SystemError(call, on: subject, Errno(EMSGSIZE)) }
            count = length
        }
        let messages = try NetlinkMessage.parse(datagram, subject: call)
        guard messages.allSatisfy({ $0.sequence == sequence }) else {
            throw SystemError(call, on: subject, Errno(EBADMSG), remedy: "an answer to another request")
        }
        return messages
    }
}
