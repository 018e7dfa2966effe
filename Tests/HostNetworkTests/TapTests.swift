import Glibc
import Linux
import Netlink
import OCI
import Plan
import Testing

@testable import HostNetwork

@Suite(.needsRoot) struct TapTests {
    @Test("a tap is persistent, owned and has the network's MTU")
    func create() throws {
        try inNewNamespace {
            let plan = makePlan([try makeNIC(mtu: 1400)])
            let records = try TapSetup.create(plan: plan, owner: 1234)
            #expect(records == [TapRecord(name: "tap-eth0", mtu: 1400, owner: 1234)])
            let link = try #require(try NetlinkSocket().link(named: "tap-eth0"))
            #expect(link.tun == TunSettings(isTap: true, owner: 1234, vnetHeader: true, persistent: true))
            #expect(link.mtu == 1400)
            #expect(try TapSetup.create(plan: plan, owner: 1234) == records)
        }
    }

    @Test("a tap of another owner is an error and stays")
    func foreign() throws {
        try inNewNamespace {
            let plan = makePlan([try makeNIC(0)])
            _ = try TapSetup.create(plan: plan, owner: 1000)
            let before = try Snapshot()
            let both = makePlan([try makeNIC(1), try makeNIC(0)])
            let error = #expect(throws: SystemError.self) { try TapSetup.create(plan: both, owner: 1001) }
            #expect(error?.errno == .exists)
            #expect(error?.remedy == "it is a tap of user 1000, not ours")
            try expectUnchanged(since: before)
        }
    }

    @Test("a link of another kind is an error, and delete leaves it alone")
    func otherKind() throws {
        try inNewNamespace {
            try NetlinkSocket().perform(.createVeth("tap-eth0", peer: "other"))
            let before = try Snapshot()
            let plan = makePlan([try makeNIC()])
            let error = #expect(throws: SystemError.self) { try TapSetup.create(plan: plan, owner: 0) }
            #expect(error?.errno == .exists)
            try TapSetup.delete(plan: plan, records: nil)
            try expectUnchanged(since: before)
        }
    }

    @Test("an MTU that the kernel refuses leaves no tap")
    func badMTU() throws {
        try inNewNamespace {
            let before = try Snapshot()
            let plan = makePlan([try makeNIC(0), try makeNIC(1, mtu: 65535)])
            let error = #expect(throws: SystemError.self) { try TapSetup.create(plan: plan, owner: 0) }
            #expect(error?.errno == .invalid)
            try expectUnchanged(since: before)
        }
    }

    @Test("delete takes the records' taps too, and may run twice")
    func delete() throws {
        try inNewNamespace {
            let before = try Snapshot()
            let records = try TapSetup.create(plan: makePlan([try makeNIC(0), try makeNIC(1)]), owner: 0)
            for _ in 0..<2 { try TapSetup.delete(plan: makePlan([try makeNIC(0)]), records: records) }
            try expectUnchanged(since: before)
        }
    }
}
