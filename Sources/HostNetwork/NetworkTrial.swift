import CLinux
import Glibc
import Linux
import Netlink
import OCI
import Plan

/// Whether this kernel can do what a VM's network needs: it is made by the verbs' own code, in a network namespace that
/// goes with the trial.
public enum NetworkTrial {
    /// A tap joined to an interface in this way. Throws what the verbs would throw.
    public static func run(_ model: Attachment.Model) throws {
        let mac = "02:00:00:00:00:02"
        // The planner redirects what is a macvlan; that it is a veth nobody asks.
        let kind = model == .tc ? "macvlan" : "veth"
        let facts =
            #"{"links":[{"name":"eth0","kind":"\#(kind)","mac":"\#(mac)","mtu":1500,"addresses":["10.0.0.2/24"]}]}"#
        let plan = try Planner.plan(Facts(parsing: [UInt8](facts.utf8), subject: "facts"))
        try NetworkNamespace.temporary().run {
            let netlink = try NetlinkSocket()
            try netlink.perform(.createVeth("network", peer: "eth0", peerMAC: plan.nics[0].guestMAC.bytes))
            _ = try TapSetup.create(plan: plan, owner: 0)
            _ = try BridgeSetup.create(plan)
        }
    }

    /// net.ipv4 settings of this namespace, for a report.
    public static func setting(_ name: String) throws -> String? {
        try Sysctl.read("/proc/sys/net/ipv4/\(name)").map { String($0.prefix { $0.isNumber }) }
    }
}

extension NetworkNamespace {
    /// A new one without a name: gone when nobody holds it. The calling thread stays where it is.
    static func temporary() throws -> NetworkNamespace {
        let home = try current()
        if linux_unshare(LINUX_CLONE_NEWNET) == -EPERM {
            throw Failure(.privilege, "unshare: \(Errno.notPermitted); run as root")
        }
        let new = Result { try NetworkNamespace.current() }
        try check(linux_setns(home.descriptor.raw, LINUX_CLONE_NEWNET), "setns", on: home.path)
        return try new.get()
    }
}
