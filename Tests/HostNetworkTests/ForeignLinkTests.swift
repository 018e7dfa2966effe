import Linux
import Netlink
import Plan
import Testing

@testable import HostNetwork

/// Links that are not what their names in the plan say.
@Suite(.needsRoot) struct ForeignLinkTests {
    @Test("a foreign link with the bridge's name is an error and stays")
    func foreignBridge() throws {
        try inNewNamespace {
            let nics = [try makeNIC()]
            let wire = try makeContainer(nics)
            let netlink = try NetlinkSocket()
            try netlink.perform(.createVeth("br-eth0", peer: "other"))
            _ = try TapSetup.create(plan: makePlan(nics), owner: 0)
            let before = try Snapshot()
            let error = #expect(throws: SystemError.self) { try BridgeSetup.create(makePlan(nics)) }
            #expect(error?.errno == .exists)
            try BridgeSetup.restore(makePlan(nics))
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    @Test("a foreign link with the tap's name stays as it is")
    func foreignTap() throws {
        try inNewNamespace {
            let nics = [try makeNIC()]
            let wire = try makeContainer(nics)
            let netlink = try NetlinkSocket()
            try netlink.perform(.createVeth("tap-eth0", peer: "other"))
            try netlink.perform(.setUp(#require(try netlink.link(named: "tap-eth0"))))
            let before = try Snapshot()
            for _ in 0..<2 { try BridgeSetup.restore(makePlan(nics)) }
            try expectUnchanged(since: before)
            _ = wire
        }
    }

    @Test("an interface with another MAC than the plan's is not touched")
    func foreignPort() throws {
        try inNewNamespace {
            let wire = try makeContainer([makeNIC(1, name: "eth0")])
            let plan = makePlan([try makeNIC(0)])
            _ = try TapSetup.create(plan: plan, owner: 0)
            let before = try Snapshot()
            let error = #expect(throws: SystemError.self) { try BridgeSetup.create(plan) }
            #expect(error?.errno == .noDevice)
            try BridgeSetup.restore(plan)
            try expectUnchanged(since: before)
            _ = wire
        }
    }
}
