import Glibc
import Linux
import Netlink
import Plan
import Testing

@testable import HostNetwork

/// What is on the wire and on the tap, frame by frame.
@Suite(.needsRoot) struct FrameTests {
    private let guestIP: [UInt8] = [172, 16, 0, 2]
    private let alias: [UInt8] = [172, 16, 255, 254]
    private let hostIP: [UInt8] = [172, 16, 0, 1]
    private let hostMAC: [UInt8] = [0x02, 0x42, 0x99, 0, 0, 1]

    private struct Lab {
        var nic: NIC
        var tap: FramePort
        var wire: FramePort
        var guestMAC: [UInt8] { nic.guestMAC.bytes }
        var bridgeMAC: [UInt8] { DerivedMAC.bridge(for: nic.guestMAC).bytes }

        private static func marker(_ from: [UInt8], _ number: UInt8) -> Frame {
            Frame(to: Frame.broadcast, from: from, type: Frame.experiment, [UInt8](repeating: number, count: 50))
        }

        /// Sends a frame of the guest's, and gives all that came out on the wire up to it.
        func wireUntilMarker(_ number: UInt8) throws -> [Frame] {
            try tap.send(Self.marker(guestMAC, number).bytes)
            let seen = try wire.receive { $0 == Self.marker(guestMAC, number) }
            return try #require(seen).dropLast()
        }

        /// A tap has a carrier soon after it is opened; until then its port does not forward, or its queue drops.
        func waitForCarrier() throws {
            try pass(from: tap, to: wire)
            try pass(from: wire, to: tap)
        }

        private func pass(from: FramePort, to: FramePort) throws {
            // Not the guest's: the bridge must know where the guest is before it has spoken.
            let mac: [UInt8] = [0x02, 0x42, 0x99, 0, 0, to.isPacketSocket ? 3 : 2]
            for _ in 0..<100 {
                try from.send(Self.marker(mac, 0).bytes)
                if try to.receive(milliseconds: 50, until: { $0 == Self.marker(mac, 0) }) != nil {
                    // And those that came late.
                    try from.send(Self.marker(mac, 255).bytes)
                    _ = try #require(try to.receive { $0 == Self.marker(mac, 255) })
                    return
                }
            }
            Issue.record("no frame comes through to \(to.descriptor.name)")
        }
    }

    private func inLab(_ body: (Lab) throws -> Void) throws {
        try inNewNamespace {
            let nic = try makeNIC()
            let network = try makeContainer([nic])
            let before = try Snapshot()
            _ = try TapSetup.create(plan: makePlan([nic]), owner: 0)
            _ = try BridgeSetup.create(makePlan([nic]))
            let wire = try network.run { try FramePort.link(#require(try NetlinkSocket().link(named: "w-0"))) }
            do {
                let lab = Lab(nic: nic, tap: try FramePort.tap(nic.tap), wire: wire)
                try lab.waitForCarrier()
                try body(lab)
            }
            try BridgeSetup.restore(makePlan([nic]))
            try TapSetup.delete(plan: makePlan([nic]), records: nil)
            try expectUnchanged(since: before)
        }
    }

    /// A UDP socket of the namespace, bound to a port of the alias.
    private func udpSocket(port: UInt16) throws -> Descriptor {
        let raw = try checked("socket", on: "udp") {
            Int(socket(AF_INET, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0))
        }
        let descriptor = Descriptor(owning: CInt(raw), name: "udp")
        let address = socketAddress(alias, port)
        try checked("bind", on: "udp") { withSocketAddress(address) { Int(bind(descriptor.raw, $0, 16)) } }
        return descriptor
    }

    /// struct sockaddr_in.
    private func socketAddress(_ ip: [UInt8], _ port: UInt16) -> [UInt8] {
        [UInt8(AF_INET), 0, UInt8(port >> 8), UInt8(port & 255)] + ip + [UInt8](repeating: 0, count: 8)
    }

    @Test("nobody answers an ARP request for the alias, and none is sent about it")
    func aliasIsSilent() throws {
        try inLab { lab in
            for number in UInt8(1)...3 {
                let request = Frame.whoHas(alias, from: hostMAC, hostIP)
                try lab.wire.send(request.bytes)
                #expect(try lab.tap.receive { $0 == request } != nil)
                #expect(try lab.wireUntilMarker(number) == [])
            }
            // The guest's own request goes out, and is not answered either.
            let request = Frame.whoHas(alias, from: lab.guestMAC, guestIP)
            try lab.tap.send(request.bytes)
            #expect(try lab.wireUntilMarker(4) == [request])
            let probe = Frame(to: lab.guestMAC, from: hostMAC, type: Frame.experiment, [9])
            try lab.wire.send(probe.bytes)
            #expect(try lab.tap.receive { $0 == probe } == [probe])
        }
    }

    @Test("the namespace reaches the guest by the tap alone, without asking for its MAC")
    func namespaceToGuest() throws {
        try inLab { lab in
            let udp = try udpSocket(port: 5000)
            let address = socketAddress(guestIP, 53)
            for _ in 0..<3 {
                try checked("sendto", on: "guest") {
                    withSocketAddress(address) { sendto(udp.raw, "query", 5, 0, $0, 16) }
                }
            }
            let seen = try #require(try lab.tap.receive { $0.type == Frame.ipv4 })
            #expect(seen.count == 1)
            #expect(seen.last?.destination == lab.guestMAC)
            #expect(seen.last?.source == lab.bridgeMAC)
            #expect(seen.last.map { [UInt8]($0.payload[12..<20]) } == alias + guestIP)
            #expect(try lab.wireUntilMarker(1) == [])
        }
    }

    @Test("what the guest sends to the bridge's MAC arrives in the namespace, not on the wire")
    func guestToNamespace() throws {
        try inLab { lab in
            let udp = try udpSocket(port: 5000)
            let frame = Frame.udp(to: lab.bridgeMAC, from: lab.guestMAC, guestIP, alias, port: 5000, "answer")
            try lab.tap.send(frame.bytes)
            var waiting = pollfd(fd: udp.raw, events: Int16(POLLIN), revents: 0)
            #expect(poll(&waiting, 1, 2000) == 1)
            var buffer = [UInt8](repeating: 0, count: 100)
            let count = recv(udp.raw, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "answer")
            #expect(try lab.wireUntilMarker(1) == [])
        }
    }

    @Test("the namespace itself says nothing on the wire")
    func silence() throws {
        try inNewNamespace {
            let nic = try makeNIC(addresses: ["172.16.0.2/16", "2001:db8::2/64"])
            let network = try makeContainer([nic])
            _ = try TapSetup.create(plan: makePlan([nic]), owner: 0)
            let wire = try network.run { try FramePort.link(#require(try NetlinkSocket().link(named: "w-0"))) }
            _ = try BridgeSetup.create(makePlan([nic]))
            let tap = try FramePort.tap(nic.tap)
            // IPv6 reports its groups and looks for duplicates within a second (RFC 4862, RFC 2710).
            let onWire = try wire.frames(for: 1500).filter { $0.source != nic.guestMAC.bytes }
            #expect(onWire == [])
            #expect(try tap.frames(for: 1) == [])
            try BridgeSetup.restore(makePlan([nic]))
        }
    }

    @Test("frames between the wire and the tap pass unchanged, both ways")
    func unchanged() throws {
        try inLab { lab in
            for size in [46, 100, 1500] {
                let data = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7) }
                let inward = Frame(to: lab.guestMAC, from: hostMAC, type: Frame.experiment, data)
                try lab.wire.send(inward.bytes)
                let seen = try lab.tap.receive { $0.type == Frame.experiment }
                #expect(seen == [inward])
                let outward = Frame(to: hostMAC, from: lab.guestMAC, type: Frame.experiment, data)
                try lab.tap.send(outward.bytes)
                #expect(try lab.wire.receive { $0.type == Frame.experiment } == [outward])
            }
            // Whole by RFC 8200, next header 59 (none): br_netfilter, where the host has it, drops what is not.
            let header: [UInt8] = [0x60, 0, 0, 0, 0, 0, 59, 255]
            let interface = [UInt8](repeating: 0, count: 13) + [1]
            let addresses: [UInt8] = [0xfe, 0x80] + interface + [0xff, 0x02] + interface
            let multicast = Frame(
                to: [0x33, 0x33, 0, 0, 0, 1], from: lab.guestMAC, type: Frame.ipv6, header + addresses)
            try lab.tap.send(multicast.bytes)
            #expect(try lab.wire.receive { $0.type == Frame.ipv6 } == [multicast])
        }
    }

    @Test(
        "with another's MAC or address the guest draws nothing of the namespace's; neither does a neighbour with the guest's"
    )
    func spoofing() throws {
        try inLab { lab in
            let neighbors = try sh("ip neigh; ip -6 neigh")
            func lie(_ address: [UInt8]) -> Frame { .whoHas(address, from: lab.guestMAC, address) }
            // As a container's with CAP_NET_RAW, its lies are on the wire; they reach the namespace too, which does not listen.
            for address in [hostIP, alias, [172, 16, 0, 3]] { try lab.tap.send(lie(address).bytes) }
            #expect(try lab.wireUntilMarker(1).count == 3)
            #expect(try sh("ip neigh; ip -6 neigh") == neighbors)

            func pass(_ frame: Frame, from: FramePort, to: FramePort) throws {
                try from.send(frame.bytes)
                _ = try #require(try to.receive { $0 == frame })
            }
            let name = try #require(lab.nic.attach.bridge)
            let bridge = try FramePort.link(try #require(try NetlinkSocket().link(named: name)))
            func namespaceSends(to mac: [UInt8], _ number: UInt8) throws -> Frame {
                let frame = Frame(to: mac, from: lab.bridgeMAC, type: Frame.experiment, [number])
                try bridge.send(frame.bytes)
                return frame
            }
            // The gateway's, which the bridge has seen on the wire.
            let greeting = Frame(to: Frame.broadcast, from: hostMAC, type: Frame.experiment, [1])
            try pass(greeting, from: lab.wire, to: lab.tap)
            try pass(greeting, from: lab.tap, to: lab.wire)
            let toGateway = try namespaceSends(to: hostMAC, 2)
            #expect(try lab.wire.receive { $0 == toGateway } == [toGateway])
            // The guest's, on the wire.
            let fromGuest = Frame(to: Frame.broadcast, from: lab.guestMAC, type: Frame.experiment, [4])
            try pass(fromGuest, from: lab.wire, to: lab.tap)
            let toGuest = try namespaceSends(to: lab.guestMAC, 5)
            #expect(try lab.tap.receive { $0 == toGuest } == [toGuest])
            #expect(try !lab.wireUntilMarker(6).contains(toGuest))
        }
    }
}
