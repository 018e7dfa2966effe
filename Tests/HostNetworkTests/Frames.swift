import CLinux
import Glibc
import Linux
import Netlink
import Testing

/// Something from which whole Ethernet frames can be read and to which they can be written.
struct FramePort {
    let descriptor: Descriptor
    /// What stands before each frame: a tap's struct virtio_net_hdr, all zero.
    let prefix: Int
    /// A packet socket sees what its own namespace sends, too.
    let isPacketSocket: Bool

    /// The far side of a tap: what the VMM holds.
    ///
    /// What made it has closed it, but a program that another test starts just then has a copy of the descriptor until it
    /// is executed (O_CLOEXEC), and the tap takes one user at a time.
    static func tap(_ name: String) throws -> FramePort {
        let tap = try Descriptor(opening: "/dev/net/tun", O_RDWR)
        var result = linux_tunsetiff(tap.raw, name)
        for _ in 0..<200 where result == -EBUSY {
            usleep(5000)
            result = linux_tunsetiff(tap.raw, name)
        }
        try check(result, "TUNSETIFF", on: name)
        return FramePort(descriptor: tap, prefix: 10, isPacketSocket: false)
    }

    /// A link of the calling thread's namespace (packet(7)).
    static func link(_ link: Link) throws -> FramePort {
        let everything: UInt16 = 0x0300  // htons(ETH_P_ALL)
        let raw = try checked("socket", on: link.name) {
            Int(socket(AF_PACKET, CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(everything)))
        }
        let descriptor = Descriptor(owning: CInt(raw), name: link.name)
        var address = MessageWriter()  // struct sockaddr_ll
        address.put(UInt16(AF_PACKET))
        address.put(everything)
        address.put(link.index)
        address.put(UInt64(0))
        address.put(UInt32(0))
        try checked("bind", on: link.name) { withSocketAddress(address.bytes) { Int(bind(descriptor.raw, $0, 20)) } }
        return FramePort(descriptor: descriptor, prefix: 0, isPacketSocket: true)
    }

    func send(_ frame: [UInt8]) throws {
        try descriptor.writeAll([UInt8](repeating: 0, count: prefix) + frame)
    }

    /// Everything until nothing has come for so long.
    func frames(for milliseconds: CInt) throws -> [Frame] {
        var all: [Frame] = []
        while let next = try receive(milliseconds: milliseconds, until: { _ in true }) { all += next }
        return all
    }

    /// The frames up to the first that is `wanted`; nil where it does not come in time.
    func receive(milliseconds: CInt = 2000, until wanted: (Frame) -> Bool) throws -> [Frame]? {
        var seen: [Frame] = []
        while true {
            var waiting = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, milliseconds) > 0 else { return nil }
            var buffer = [UInt8](repeating: 0, count: 65550)
            var sender = [UInt8](repeating: 0, count: 20)
            var length: socklen_t = 20
            let count = try checked("read", on: descriptor.name) {
                guard isPacketSocket else { return read(descriptor.raw, &buffer, buffer.count) }
                return sender.withUnsafeMutableBytes { bytes in
                    guard let base = bytes.baseAddress else { return -1 }
                    let address = base.assumingMemoryBound(to: sockaddr.self)
                    return recvfrom(descriptor.raw, &buffer, buffer.count, 0, address, &length)
                }
            }
            if isPacketSocket, sender[10] == 4 { continue }  // PACKET_OUTGOING
            let frame = Frame(bytes: [UInt8](buffer[prefix..<count]))
            seen.append(frame)
            if wanted(frame) { return seen }
        }
    }
}

func withSocketAddress<T>(_ bytes: [UInt8], _ body: (UnsafePointer<sockaddr>?) -> T) -> T {
    bytes.withUnsafeBytes { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self)) }
}

/// An Ethernet frame.
struct Frame: Equatable {
    static let broadcast: [UInt8] = [255, 255, 255, 255, 255, 255]
    static let ipv4: UInt16 = 0x0800
    static let arp: UInt16 = 0x0806
    static let ipv6: UInt16 = 0x86dd
    /// IEEE 802 local experimental.
    static let experiment: UInt16 = 0x88b5

    var bytes: [UInt8]
    var destination: [UInt8] { [UInt8](bytes[0..<6]) }
    var source: [UInt8] { [UInt8](bytes[6..<12]) }
    var type: UInt16 { UInt16(bytes[12]) << 8 | UInt16(bytes[13]) }
    var payload: [UInt8] { [UInt8](bytes[14...]) }

    init(bytes: [UInt8]) { self.bytes = bytes }

    init(to: [UInt8], from: [UInt8], type: UInt16, _ payload: [UInt8]) {
        bytes = to + from + [UInt8(type >> 8), UInt8(type & 255)] + payload
    }

    /// RFC 826.
    static func whoHas(_ target: [UInt8], from mac: [UInt8], _ address: [UInt8]) -> Frame {
        let none: [UInt8] = [0, 0, 0, 0, 0, 0]
        return Frame(
            to: broadcast, from: mac, type: arp, [0, 1, 8, 0, 6, 4, 0, 1] + mac + address + none + target)
    }

    /// RFC 768, with no checksum of its own.
    static func udp(
        to: [UInt8], from: [UInt8], _ source: [UInt8], _ destination: [UInt8], port: UInt16, _ text: String
    ) -> Frame {
        let data = [UInt8](text.utf8)
        func two(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
        var header: [UInt8] =
            [0x45, 0] + two(28 + data.count) + [0, 0, 0x40, 0, 64, 17, 0, 0] + source + destination
        var sum = 0
        for index in stride(from: 0, to: 20, by: 2) { sum += Int(header[index]) << 8 | Int(header[index + 1]) }
        while sum > 0xffff { sum = sum >> 16 + sum & 0xffff }
        header.replaceSubrange(10..<12, with: two(~sum))
        return Frame(
            to: to, from: from, type: ipv4, header + two(4000) + two(Int(port)) + two(8 + data.count) + [0, 0] + data)
    }
}

extension [UInt8] {
    func contains(_ part: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: part) }
    }
}
