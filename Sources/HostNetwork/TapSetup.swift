import Linux
import Netlink
import Plan

/// tap-create and tap-delete: one tap for each network interface of the plan, in the calling thread's namespace.
public enum TapSetup {
    /// What is there already as wanted is kept, and recorded the same. A failure deletes the taps that this call made.
    public static func create(plan: NetworkPlan, owner: UInt32) throws -> [TapRecord] {
        if plan.nics.isEmpty { return [] }
        try Privilege.check(to: "make \(plan.nics[0].tap)")
        let netlink = try NetlinkSocket()
        return try Journal.run { journal in
            try plan.nics.map { nic in
                if try Tap.ensure(nic.tap, owner: owner, mtu: nic.mtu, netlink) {
                    journal.record { try Tap.delete(nic.tap, netlink) }
                }
                if nic.attach.model == .nat, let host = plan.host { try giveHostsEnd(host, netlink) }
                return TapRecord(name: nic.tap, mtu: nic.mtu, owner: owner)
            }
        }
    }

    /// Host mode: the tap's end in the host's namespace. IPv4 only: over IPv6 a guest could offer the host a router.
    private static func giveHostsEnd(_ host: HostPlan, _ netlink: NetlinkSocket) throws {
        // ip address add GATEWAY dev TAP; ip link set TAP up
        guard let tap = try netlink.link(named: host.tap) else {
            throw SystemError("RTM_GETLINK", on: host.tap, .noDevice)
        }
        try IPv6Setting.turnOff(host.tap)
        try netlink.perform(.ensureAddress(host.gateway.linkAddress(on: tap), on: tap))
        try netlink.perform(.setUp(tap))
    }

    /// Deletes the taps of the plan and of the records. Already gone is fine; all errors come together.
    /// In the host's namespace others have taps too: there only one of the record's owner is ours, or, where nothing was
    /// recorded, of `owner`, the VMM's own user.
    public static func delete(plan: NetworkPlan, records: [TapRecord]?, owner: UInt32? = nil) throws {
        if plan.mode == .host {
            let netlink = try NetlinkSocket()
            guard let host = plan.host, let tap = try netlink.link(named: host.tap) else { return }
            let recorded = records?.first { $0.name == host.tap }?.owner
            guard tap.tun?.owner == recorded ?? owner else { return }
            try Privilege.check(to: "delete \(host.tap)")
            return try Tap.delete(host.tap, netlink)
        }
        let planned = plan.nics.map(\.tap)
        let names = planned + (records ?? []).map(\.name).filter { !planned.contains($0) }
        guard let first = names.first else { return }
        try Privilege.check(to: "delete \(first)")
        let netlink = try NetlinkSocket()
        var errors = ErrorCollector()
        for name in names.reversed() { errors.run { try Tap.delete(name, netlink) } }
        try errors.finish()
    }
}
