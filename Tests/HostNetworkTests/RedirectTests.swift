import CLinux
import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork
@testable import Netlink

/// Interfaces that no bridge can have: a macvlan over one end of a veth, whose other end is the wire.
@Suite(.needsRoot) struct RedirectTests {
    private static let guest: [UInt8] = [172, 16, 0, 2]
    private static let peer: [UInt8] = [172, 16, 0, 1]
    private static let peerMAC = RedirectWorld.peerMAC

    private func inWorld(_ relay: [String] = [], _ body: (RedirectWorld) throws -> Void) throws {
        try inNewNamespace {
            var nic = try makeNIC(alias: nil)
            nic.attach = Attachment(model: .tc, port: "eth0")
            var plan = makePlan([nic])
            plan.dns.relay = relay.compactMap { IPAddress($0) }
            plan.nics[0].routes = [Route(to: "default", via: IPAddress(bytes: Self.peer))]
            let wire = try newNamespace()
            let home = try Descriptor(opening: "/proc/thread-self/ns/net", O_RDONLY)
            try wire.run {
                let netlink = try NetlinkSocket()
                try netlink.perform(.createVeth("w-0", mac: Self.peerMAC, peer: "parent"))
                for name in ["w-0", "parent"] {
                    try IPv6Setting.turnOff(name)
                    try netlink.perform(.setUp(try #require(try netlink.link(named: name))))
                }
                let parent = try #require(try netlink.link(named: "parent"))
                try netlink.perform(.createMacvlan("eth0", over: parent, mac: nic.guestMAC.bytes, in: home.raw))
            }
            let netlink = try NetlinkSocket()
            try IPv6Setting.turnOff("eth0")
            let port = try #require(try netlink.link(named: "eth0"))
            for link in [port, try #require(try netlink.link(named: "lo"))] { try netlink.perform(.setUp(link)) }
            try netlink.perform(.createAddress(nic.addresses[0].linkAddress(on: port), on: port))
            for route in plan.nics[0].routes { try netlink.perform(.createRoute(route.linkRoute(on: port))) }
            let before = try Snapshot()
            try body(RedirectWorld(wire: wire, plan: plan))
            for _ in 0...1 {
                try BridgeSetup.restore(plan)
                try TapSetup.delete(plan: plan, records: nil)
            }
            try expectUnchanged(since: before)
            #expect(try netlink.qdiscs(of: port) == ["noqueue"])
        }
    }

    @Test("a macvlan keeps its MAC and address; frames for it come out of the tap, and the guest's leave by it")
    func passes() throws {
        try inWorld { world in
            let record = try world.create()
            #expect(record.ports == ["eth0", "tap-eth0"])
            #expect(record.name == nil && record.alias == nil)
            #expect(IngressFilter.Classifier.allCases.map(\.rawValue).contains(record.classifier ?? "none"))
            let port = try #require(LiveFacts.read().links.first { $0.name == "eth0" })
            #expect(port.mac == world.nic.guestMAC && port.addresses == world.nic.addresses)
            let ends = try RedirectEnds(world)
            for size in [46, 1500] {
                let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7) }
                let inward = Frame(to: world.guestMAC, from: Self.peerMAC, type: Frame.experiment, data)
                try ends.wire.send(inward.bytes)
                #expect(try ends.tap.receive { $0.type == Frame.experiment } == [inward])
                let outward = Frame(to: Self.peerMAC, from: world.guestMAC, type: Frame.experiment, data)
                try ends.tap.send(outward.bytes)
                #expect(try ends.wire.receive { $0.type == Frame.experiment } == [outward])
            }
            // A group that only the guest has joined.
            let group = Frame(
                to: [0x01, 0, 0x5e, 1, 2, 3], from: Self.peerMAC, type: Frame.experiment,
                [UInt8](repeating: 3, count: 46))
            try ends.wire.send(group.bytes)
            #expect(try ends.tap.receive { $0.type == Frame.experiment } == [group])
        }
    }

    @Test("the namespace, which has the same address, neither answers nor resets in the VM's place")
    func silent() throws {
        try inWorld { world in
            _ = try world.create()
            let ends = try RedirectEnds(world)
            let frames = [
                Frame.whoHas(Self.guest, from: Self.peerMAC, Self.peer),
                Frame.udp(to: world.guestMAC, from: Self.peerMAC, Self.peer, Self.guest, port: 9, "nobody listens"),
            ]
            for (number, frame) in frames.enumerated() {
                try ends.wire.send(frame.bytes)
                #expect(try ends.tap.receive { $0 == frame } == [frame])
                #expect(try ends.wireUntilMarker(world, UInt8(number)) == [])
            }
        }
    }

    @Test("made twice it stays as it is; a filter to a tap that has gone is made anew")
    func again() throws {
        try inWorld { world in
            let record = try world.create()
            let before = try Snapshot()
            #expect(try world.create() == record)
            try expectUnchanged(since: before)
            try TapSetup.delete(plan: world.plan, records: nil)
            #expect(try world.create() == record)
            let ends = try RedirectEnds(world)
            #expect(try ends.wireUntilMarker(world, 1) == [])
        }
    }

    @Test("a second run that fails leaves the interfaces that the first joined, and undoes what it did itself")
    func failureAgain() throws {
        try inWorld { world in
            _ = try world.create()
            let netlink = try NetlinkSocket()
            func state() throws -> String {
                try sh(
                    #"""
                    for n in eth0 tap-eth0; do
                        ip -o link show dev $n | grep -oE 'ALLMULTI|UP|DOWN'; tc filter show dev $n ingress
                    done; cat /proc/sys/net/ipv6/conf/tap-eth0/disable_ipv6
                    """#)
            }
            let before = try state()
            // A second interface, whose tap has gone.
            var plan = world.plan
            var other = try makeNIC(1, alias: nil)
            other.attach = Attachment(model: .tc, port: "eth1")
            plan.nics.append(other)
            try netlink.perform(.createVeth("eth1", mac: other.guestMAC.bytes, peer: "far"))
            defer { _ = try? sh("ip link delete eth1") }
            let error = #expect(throws: SystemError.self) { try BridgeSetup.create(plan) }
            #expect(error?.subject == "tap-eth1")
            #expect(try state() == before)
            // Now the first is broken half, and is mended before the second fails: its filter goes again.
            try netlink.perform(.deleteFilters(priority: RedirectedNIC.priority, on: world.link("eth0")))
            let half = try state()
            #expect(throws: SystemError.self) { try BridgeSetup.create(plan) }
            #expect(try state() == half)
        }
    }

    @Test("what was half done is undone, and filters of others stay")
    func partial() throws {
        try inWorld { world in
            let netlink = try NetlinkSocket()
            let port = try world.link("eth0")
            let theirs = IngressFilter(.u32, priority: 7, type: .arp, action: .pass)
            try netlink.perform(.ensureIngress(port))
            try netlink.perform(.createFilter(theirs, on: port))
            let before = try Snapshot()
            // Without a tap there is nothing to redirect to.
            let error = #expect(throws: SystemError.self) { try BridgeSetup.create(world.plan) }
            #expect(error?.errno == .noDevice)
            _ = try world.create()
            try netlink.perform(.deleteFilters(priority: RedirectedNIC.priority, on: port))
            for _ in 0...1 { try BridgeSetup.restore(world.plan) }
            try TapSetup.delete(plan: world.plan, records: nil)
            try expectUnchanged(since: before)
            #expect(try netlink.ingressFilters(of: port).map(\.priority) == [7])
            try netlink.perform(.deleteIngress(port))
        }
    }

    @Test("an interface that took every group's frames before does so afterwards")
    func allMulticast() throws {
        try inWorld { world in
            let netlink = try NetlinkSocket()
            try netlink.perform(.setAllMulticast(world.link("eth0"), true))
            let before = try Snapshot()
            var made = world
            made.plan = try Planner.plan(Facts(LiveFacts.read(), container: ContainerFacts()))
            _ = try made.create()
            for _ in 0...1 { try BridgeSetup.restore(made.plan) }
            try TapSetup.delete(plan: made.plan, records: nil)
            try expectUnchanged(since: before)
            try netlink.perform(.setAllMulticast(world.link("eth0"), false))
        }
    }

    @Test("name queries of the namespace go out, and their answers come back to it; the VM's do not")
    func wayOut() throws {
        try inWorld(["127.0.0.11"]) { world in
            let server = try world.wire.run {
                let netlink = try NetlinkSocket()
                let link = try world.link("w-0")
                try netlink.perform(
                    .createAddress(LinkAddress(link: link.index, address: Self.peer, prefixLength: 16), on: link))
                return try socket(linux_inet_bind(CInt(SOCK_DGRAM.rawValue), Self.peer, 4, 53))
            }
            #expect(
                try world.create().wayOut
                    == WayOutRecord(address: #require(IPAddress("172.16.0.2")), ports: "61440-61951"))
            let ends = try RedirectEnds(world)
            // The peer asks for the VM's MAC, as anybody who answers does: that the VM alone may tell.
            try world.wire.run {
                try NetlinkSocket().perform(
                    .ensureNeighbor(Self.guest, mac: world.guestMAC, on: world.link("w-0")))
            }
            let client = try socket(linux_inet_connect(CInt(SOCK_DGRAM.rawValue), Self.peer, 4, 53))
            try client.writeAll([UInt8]("question".utf8))
            var address = [UInt8](repeating: 0, count: 16)
            try receive(server, &address, "question")
            let port = UInt16(address[2]) << 8 | UInt16(address[3])
            #expect(WayOutPorts.masked.contains(port))
            send(server, "answer", to: address)
            try receive(client, &address, "answer")
            // One of the VM's own: a port outside the range.
            address[2] = 0x9c
            address.replaceSubrange(4..<8, with: Self.guest)
            send(server, "for the VM", to: address)
            let seen = try #require(try ends.tap.receive { $0.type == Frame.ipv4 })
            #expect(seen.last?.bytes.suffix(10) == [UInt8]("for the VM".utf8)[...])
        }
    }

    @Test("--dry-run prints the commands of tc, ip and nft that do and undo the same")
    func dryRun() throws {
        try inWorld(["127.0.0.11"]) { world in
            // Without the numbers that the kernel chooses, and the class that an answer is put in by tc only.
            func text() throws -> String {
                try sh(
                    #"""
                    for n in eth0 tap-eth0; do
                        echo "$n: $(tc qdisc show dev $n | grep ingress) $(ip -o link show dev $n | grep -oE 'ALLMULTI|UP|DOWN')"
                        tc filter show dev $n ingress | sed -E 's/ index [0-9]+//; s/ fh .*//; s/ \*?flowid.*//; s/ terminal.*//'
                    done
                    nft list ruleset
                    """#)
            }
            let steps: [() throws -> Void] = [{ _ = try world.create() }, { try BridgeSetup.restore(world.plan) }]
            _ = try TapSetup.create(plan: world.plan, owner: 0)
            var wanted: [String] = []
            for step in steps {
                try step()
                wanted.append(try text())
            }
            try expectDryRuns(of: steps, make: wanted, text)
            #expect(wanted[0].contains("mirred") && wanted[0].contains("ALLMULTI"))
        }
    }

    private func socket(_ raw: CInt) throws -> Descriptor {
        Descriptor(owning: try check(raw, "socket", on: "test"), name: "test")
    }

    private func receive(_ socket: Descriptor, _ peer: inout [UInt8], _ text: String) throws {
        var waiting = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        try #require(poll(&waiting, 1, 3000) == 1)
        var (buffer, length) = ([UInt8](repeating: 0, count: 100), socklen_t(16))
        let count = peer.withUnsafeMutableBytes {
            recvfrom(socket.raw, &buffer, 100, 0, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == text)
    }

    private func send(_ socket: Descriptor, _ text: String, to address: [UInt8]) {
        _ = withSocketAddress(address) { sendto(socket.raw, text, text.utf8.count, 0, $0, 16) }
    }
}

extension NetlinkSocket {
    /// The kinds of a link's qdiscs.
    fileprivate func qdiscs(of link: Link) throws -> [String] {
        // tc qdisc show dev NAME
        var body = MessageWriter()
        for field in [UInt32(0), UInt32(link.index), 0, 0, 0] { body.put(field) }
        return try dump("RTM_GETQDISC", 38, answer: RTM_NEWQDISC, body: body) { payload in
            var reader = MessageReader(payload, subject: "RTM_NEWQDISC")
            _ = try reader.read(UInt32.self)
            guard try reader.read(Int32.self) == link.index else { return nil }
            _ = try reader.take(12)
            return try reader.attributes().text(TCA_KIND)
        }
    }
}
