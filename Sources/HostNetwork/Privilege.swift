import Linux
import Netlink
import OCI

/// What the kernel asks of those who change a network (capabilities(7)).
enum Privilege {
    /// Throws where the calling thread has no CAP_NET_ADMIN, so that nothing is half done without it. A dry run needs none.
    static func check(to purpose: String) throws {
        if DryRun.current != nil || CapabilitySets.hasEffective("CAP_NET_ADMIN") { return }
        throw Failure(.privilege, "needs CAP_NET_ADMIN to \(purpose); run as root")
    }
}
