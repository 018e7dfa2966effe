import CLinux
import Glibc
import Linux
import Netlink
import Plan
import Testing

@testable import HostNetwork

/// A container's namespace whose gateway is 172.16.0.1, and a server behind that at 203.0.113.53.
@Suite(.needsRoot) struct WayOutTests {
    private static let server: [UInt8] = [203, 0, 113, 53]
    private static let guest: [UInt8] = [172, 16, 0, 2]
    private static let alias: [UInt8] = [172, 16, 255, 254]

    private struct World {
        var wire: NetworkNamespace
        var plan: NetworkPlan
        var tap: FramePort
        var onWire: FramePort

        func create() throws -> (WayOutRecord?, [String]) {
            var warnings: [String] = []
            let records = try BridgeSetup.create(plan) { warnings.append($0) }
            return (records[0].wayOut, warnings)
        }
    }

    /// `gateway`: it is there and answers.
    private func inWorld(
        routes: [Route] = [Route(to: "default", via: IPAddress("172.16.0.1"))], gateway: Bool = true,
        settings: [String: String] = [:], length: UInt8 = 16, _ body: (World) throws -> Void
    ) throws {
        try inNewNamespace {
            for (name, value) in settings {
                try Descriptor(opening: "/proc/sys/net/\(name)", O_WRONLY).writeAll([UInt8](value.utf8))
            }
            let netlink = try NetlinkSocket()
            try netlink.perform(.setUp(try #require(try netlink.link(named: "lo"))))
            let hasAlias = length < 30
            let nic = try makeNIC(
                addresses: ["172.16.0.2/\(length)"], routes: routes, alias: hasAlias ? "172.16.255.254/16" : nil)
            var plan = makePlan([nic])
            plan.dns.relay = [try #require(DNSPlan.embeddedServer)]
            let wire = try makeContainer([nic])
            let onWire = try wire.run {
                let netlink = try NetlinkSocket()
                let (lo, link) = (
                    try #require(try netlink.link(named: "lo")), try #require(try netlink.link(named: "w-0"))
                )
                try netlink.perform(.setUp(lo))
                try netlink.perform(
                    .createAddress(LinkAddress(link: lo.index, address: Self.server, prefixLength: 32), on: lo))
                if gateway {
                    try netlink.perform(
                        .createAddress(
                            LinkAddress(link: link.index, address: [172, 16, 0, 1], prefixLength: length), on: link))
                    // What the VM would answer to ARP.
                    try netlink.perform(.ensureNeighbor(Self.guest, mac: nic.guestMAC.bytes, on: link))
                }
                return try FramePort.link(link)
            }
            let before = try Snapshot()
            _ = try TapSetup.create(plan: plan, owner: 0)
            let tap = try FramePort.tap(nic.tap)
            try body(World(wire: wire, plan: plan, tap: tap, onWire: onWire))
            for _ in 0...1 { try BridgeSetup.restore(plan) }
            try withExtendedLifetime(tap) { try TapSetup.delete(plan: plan, records: nil) }
            try expectUnchanged(since: before)
            #expect(try ruleset() == "")
        }
    }

    private func ruleset() throws -> String {
        let outcome = try ChildProcess("/usr/sbin/nft", ["list", "ruleset"]).run()
        return String(decoding: outcome.output, as: UTF8.self)
    }

    private func socket(_ raw: CInt) throws -> Descriptor {
        Descriptor(owning: try check(raw, "socket", on: "test"), name: "test")
    }

    private func listening(_ type: __socket_type) throws -> Descriptor {
        try socket(linux_inet_bind(CInt(type.rawValue), Self.server, 4, 53))
    }

    private func connected(_ type: __socket_type, to address: [UInt8] = server, _ port: UInt16 = 53) throws
        -> Descriptor
    {
        try socket(linux_inet_connect(CInt(type.rawValue), address, 4, port))
    }

    private func wait(_ socket: Descriptor, _ events: Int32 = POLLIN) throws {
        var waiting = pollfd(fd: socket.raw, events: Int16(events), revents: 0)
        try #require(poll(&waiting, 1, 3000) == 1)
        #expect(linux_socket_error(socket.raw) == 0)
    }

    private func text(_ socket: Descriptor) throws -> String {
        try wait(socket)
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = try checked("read", on: "test") { read(socket.raw, &buffer, buffer.count) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The peer of a UDP message or a TCP connection: struct sockaddr_in.
    private func expectGuest(_ peer: [UInt8]) {
        #expect([UInt8](peer[4..<8]) == Self.guest)
        #expect(WayOutPorts.range.contains(UInt16(peer[2]) << 8 | UInt16(peer[3])))
    }

    private func withPeer(_ body: (UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Int) throws
        -> [UInt8]
    {
        var (peer, length) = ([UInt8](repeating: 0, count: 16), socklen_t(16))
        try peer.withUnsafeMutableBytes { bytes in
            let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            _ = try checked("peer", on: "test") { body(address, &length) }
        }
        return peer
    }

    private func expectUDP(_ world: World) throws {
        let server = try world.wire.run { try listening(SOCK_DGRAM) }
        let client = try connected(SOCK_DGRAM)
        // Asked again each second, as resolvers do: a link that has just come up drops what comes before its queue is there.
        var waiting = pollfd(fd: server.raw, events: Int16(POLLIN), revents: 0)
        for _ in 0..<5 where waiting.revents == 0 {
            try client.writeAll([UInt8]("question".utf8))
            poll(&waiting, 1, 1000)
        }
        try wait(server)
        var buffer = [UInt8](repeating: 0, count: 100)
        let peer = try withPeer { recvfrom(server.raw, &buffer, 100, 0, $0, $1) }
        #expect(String(decoding: buffer.prefix(8), as: UTF8.self) == "question")
        expectGuest(peer)
        _ = peer.withUnsafeBytes {
            sendto(server.raw, "answer", 6, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
        }
        #expect(try text(client) == "answer")
    }

    private func expectTCP(_ world: World) throws {
        let server = try world.wire.run { try listening(SOCK_STREAM) }
        let client = try connected(SOCK_STREAM)
        try wait(client, POLLOUT)
        try wait(server)
        let connection = try socket(linux_accept(server.raw))
        expectGuest(try withPeer { Int(getpeername(connection.raw, $0, $1)) })
        try client.writeAll([UInt8]("question".utf8))
        #expect(try text(connection) == "question")
        try connection.writeAll([UInt8]("answer".utf8))
        #expect(try text(client) == "answer")
    }

    private func expectSilence(_ world: World) throws {
        let frames = try world.onWire.frames(for: 50)
        #expect(!frames.contains { $0.bytes.contains(Self.alias) })
    }

    @Test(
        "queries leave under the VM's address and answers come back, whatever the kernel's settings",
        arguments: ["0", "1", "-"])
    func roundTrip(bridgeNetfilter: String) throws {
        var settings = ["ipv4/conf/all/rp_filter": "1", "ipv4/conf/default/rp_filter": "1"]
        if bridgeNetfilter != "-" {
            try #require(
                Files.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"), "needs br_netfilter: modprobe it")
            settings["bridge/bridge-nf-call-iptables"] = bridgeNetfilter
        }
        try inWorld(settings: settings) { world in
            let (record, warnings) = try world.create()
            #expect(warnings == [])
            #expect(record?.gateway?.description == "172.16.0.1")
            #expect(record?.address.description == "172.16.0.2")
            #expect(record?.ports == "61000-61999")
            for _ in 0..<3 {
                try expectUDP(world)
                try expectTCP(world)
            }
            try expectSilence(world)
            // Again: the same, by the neighbour that is there.
            #expect(try world.create() == (record, []))
            try expectUDP(world)
        }
    }

    @Test("a network of two addresses has none to spare, and its queries leave and come back the same")
    func noAlias() throws {
        try inWorld(settings: ["ipv4/conf/all/rp_filter": "1"], length: 30) { world in
            let (record, warnings) = try world.create()
            #expect(warnings == [] && record?.address.description == "172.16.0.2")
            for _ in 0..<2 {
                try expectUDP(world)
                try expectTCP(world)
            }
            #expect(throws: SystemError.self) { try connected(SOCK_DGRAM, 80) }
            let frames = try world.onWire.frames(for: 50)
            #expect(!frames.contains { $0.bytes.contains([169, 254]) })
            #expect(try world.create() == (record, []))
        }
    }

    @Test("nothing else leaves: other ports have no route, and the VM's own name server is next door")
    func nothingElse() throws {
        try inWorld { world in
            _ = try world.create()
            for type in [SOCK_DGRAM, SOCK_STREAM] {
                let error = #expect(throws: SystemError.self) { try connected(type, 80) }
                #expect(error?.errno == Errno(ENETUNREACH))
            }
            try waitForCarrier(world)
            try connected(SOCK_DGRAM, to: Self.guest).writeAll([UInt8]("to the VM".utf8))
            let seen = try world.tap.receive { $0.type == Frame.ipv4 && $0.bytes.contains([UInt8]("to the VM".utf8)) }
            #expect(seen?.last?.bytes.contains(Self.alias) == true)
            try expectSilence(world)
        }
    }

    @Test("the VM gets what is not an answer to its namespace")
    func guestTraffic() throws {
        try inWorld { world in
            _ = try world.create()
            try waitForCarrier(world)
            // From the name server to another port; from another port of it to one of the range.
            for (source, destination) in [(53, 40000), (5353, 61500)] as [(UInt16, UInt16)] {
                try world.wire.run {
                    let server = try socket(linux_inet_bind(CInt(SOCK_DGRAM.rawValue), Self.server, 4, source))
                    let port = [UInt8(destination >> 8), UInt8(destination & 255)]
                    let to: [UInt8] = [2, 0] + port + Self.guest + [UInt8](repeating: 0, count: 8)
                    _ = to.withUnsafeBytes {
                        sendto(
                            server.raw, "for the VM", 10, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
                    }
                }
                #expect(try world.tap.receive { $0.bytes.contains([UInt8]("for the VM".utf8)) } != nil)
            }
        }
    }

    /// A tap has a carrier soon after it is opened; until then its port does not forward.
    private func waitForCarrier(_ world: World) throws {
        let probe = Frame(to: Frame.broadcast, from: [2, 0x42, 0x99, 0, 0, 9], type: Frame.experiment, [1, 2, 3])
        for _ in 0..<100 {
            try world.onWire.send(probe.bytes)
            if try world.tap.receive(milliseconds: 50, until: { $0.type == Frame.experiment }) != nil { return }
        }
        Issue.record("no frame comes through to the tap")
    }

    @Test("a gateway that does not answer is a warning, and there is no way out")
    func silentGateway() throws {
        try inWorld(gateway: false) { world in
            let (record, warnings) = try world.create()
            #expect(record == nil)
            #expect(
                warnings == [
                    "gateway 172.16.0.1 of eth0 does not answer ARP; external names may not resolve in the VM"
                ])
            #expect(try ruleset() == "")
        }
    }

    @Test("without nft there is a warning and no way out")
    func noNft() throws {
        try inWorld { world in
            var warnings: [String] = []
            let records = try BridgeSetup.create(world.plan, path: "/nowhere") { warnings.append($0) }
            #expect(records[0].wayOut == nil)
            #expect(
                warnings == ["nft: not found in /nowhere; external names may not resolve in the VM; install nftables"])
        }
    }

    @Test("an nft that fails is a warning, and leaves nothing behind")
    func failingNft() throws {
        try inWorld { world in
            let folder = "/tmp/runcvm-nft-\(getpid())"
            try Files.ensureDirectory(folder, mode: 0o700)
            defer { try? Files.deleteTree(folder) }
            try checked("symlink", on: folder) { Int(symlink("/bin/false", "\(folder)/nft")) }
            var warnings: [String] = []
            let records = try BridgeSetup.create(world.plan, path: folder) { warnings.append($0) }
            #expect(records[0].wayOut == nil)
            #expect(warnings == ["\(folder)/nft: exit 1; external names may not resolve in the VM"])
            #expect(try NetlinkSocket().rules().allSatisfy { $0.table != 53 })
        }
    }

    @Test("an internal network has no gateway, and gets no way out and no warning")
    func internalNetwork() throws {
        try inWorld(routes: []) { world in
            let (record, warnings) = try world.create()
            #expect(record == nil && warnings == [])
            #expect(try ruleset() == "")
        }
    }
}
