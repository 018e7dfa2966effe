import Netlink
import Plan
import Testing

@testable import HostNetwork

/// A namespace with an interface that no bridge can have, its plan, and the wire on its other side.
struct RedirectWorld {
    static let peerMAC: [UInt8] = [0x02, 0x42, 0x99, 0, 0, 1]

    var wire: NetworkNamespace
    var plan: NetworkPlan
    var nic: NIC { plan.nics[0] }
    var guestMAC: [UInt8] { nic.guestMAC.bytes }

    func create(path: String = BridgeSetup.defaultPath) throws -> BridgeRecord {
        _ = try TapSetup.create(plan: plan, owner: 0)
        return try #require(try BridgeSetup.create(plan, path: path).first)
    }

    func link(_ name: String) throws -> Link { try #require(try NetlinkSocket().link(named: name)) }
}

/// A tap that is open, as a VMM has it, and the wire.
struct RedirectEnds {
    let tap: FramePort
    let wire: FramePort

    init(_ world: RedirectWorld) throws {
        tap = try FramePort.tap(world.nic.tap)
        wire = try world.wire.run { try FramePort.link(world.link("w-0")) }
        // The tap has a carrier soon after it is opened; until then it drops.
        let probe = Frame(to: world.guestMAC, from: RedirectWorld.peerMAC, type: Frame.experiment, [0])
        for _ in 0..<100 {
            try wire.send(probe.bytes)
            if try tap.receive(milliseconds: 50, until: { $0 == probe }) != nil { break }
        }
        _ = try tap.frames(for: 60)
    }

    /// All that came out on the wire up to a frame of the guest's.
    func wireUntilMarker(_ world: RedirectWorld, _ number: UInt8) throws -> [Frame] {
        let marker = Frame(
            to: RedirectWorld.peerMAC, from: world.guestMAC, type: Frame.experiment,
            [UInt8](repeating: number, count: 50))
        try tap.send(marker.bytes)
        return try #require(try wire.receive { $0 == marker }).dropLast()
    }
}
