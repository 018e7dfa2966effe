import Glibc
import Netlink
import OCI
import Plan

/// Whether a VMM finds what its interfaces need, in the calling thread's namespace.
public enum TapCheck {
    /// Throws `Failure` with the remedy. A VMM with CAP_NET_ADMIN would make a tap that is missing, joined to nothing.
    public static func run(_ nics: [NIC]) throws {
        if nics.isEmpty { return }
        _ = try Tap.open()
        for nic in nics where if_nametoindex(nic.tap) == 0 {
            throw Failure(.unavailable, "no tap \(nic.tap) in the network namespace; runcvm tap-create makes it")
        }
        if geteuid() == 0 { try checkOwners(nics) }
    }

    /// root's VMM has no capability by which it might open another's.
    private static func checkOwners(_ nics: [NIC]) throws {
        let netlink = try NetlinkSocket()
        for nic in nics {
            guard let owner = try netlink.link(named: nic.tap)?.tun?.owner, owner != 0 else { continue }
            throw Failure(
                .privilege, "\(nic.tap) is user \(owner)'s; boot as that user, or runcvm tap-delete and tap-create")
        }
    }
}
