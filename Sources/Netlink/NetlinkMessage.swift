import Glibc
import Linux

/// One message of a datagram: struct nlmsghdr and what follows it (netlink(7)).
struct NetlinkMessage {
    var type: UInt16
    var flags: UInt16
    var sequence: UInt32
    var payload: ArraySlice<UInt8>

    /// The messages of one datagram. Throws EBADMSG where a length does not fit.
    static func parse(_ datagram: [UInt8], subject: String) throws -> [NetlinkMessage] {
        var reader = MessageReader(datagram[...], subject: subject)
        var messages: [NetlinkMessage] = []
        while !reader.rest.isEmpty {
            let length = Int(try reader.read(UInt32.self))
            guard length >= NLMSG_HDRLEN else { throw reader.malformed("message of \(length) bytes") }
            let type: UInt16 = try reader.read()
            let flags: UInt16 = try reader.read()
            let sequence: UInt32 = try reader.read()
            _ = try reader.read(UInt32.self)  // our own port number
            let payload = try reader.take(length - NLMSG_HDRLEN)
            try reader.skipPadding(after: length)
            messages.append(NetlinkMessage(type: type, flags: flags, sequence: sequence, payload: payload))
        }
        return messages
    }

    /// The answer in an NLMSG_ERROR or NLMSG_DONE: nil for success, else the error and the kernel's own sentence.
    func outcome(subject: String) throws -> (errno: Errno, text: String?)? {
        var reader = MessageReader(payload, subject: subject)
        // NLMSG_DONE of old kernels has no error number.
        if type == NLMSG_DONE, reader.rest.isEmpty { return nil }
        let code: Int32 = try reader.read()
        guard code < 0, code > Int32.min else {
            if code == 0 { return nil }
            throw reader.malformed("error number \(code)")
        }
        if type == NLMSG_ERROR {
            // The request's header comes back, and unless NLM_F_CAPPED its payload too.
            let length = Int(try reader.read(UInt32.self))
            _ = try reader.take(NLMSG_HDRLEN - 4)
            if flags & NLM_F_CAPPED == 0 {
                _ = try reader.take(length - NLMSG_HDRLEN)
                try reader.skipPadding(after: length)
            }
        }
        let text = flags & NLM_F_ACK_TLVS == 0 ? nil : try reader.attributes().text(NLMSGERR_ATTR_MSG)
        return (Errno(-code), text)
    }
}
