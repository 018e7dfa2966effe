import CLinux
import Glibc
import Linux
import Netlink
import OCI

/// A persistent tap that a user without privileges may open (Documentation/networking/tuntap.rst).
enum Tap {
    private static let device = "/dev/net/tun"

    /// Makes the tap in the calling thread's namespace, without carrier and down. True: made; false: it was there as wanted.
    ///
    /// A link of that name that is anything else is EEXIST: attaching to it would take it over.
    static func ensure(_ name: String, owner: UInt32, mtu: Int, _ netlink: NetlinkSocket) throws -> Bool {
        let wanted = TunSettings(isTap: true, owner: owner, vnetHeader: true, persistent: true)
        if let link = try netlink.link(named: name) {
            guard link.tun == wanted else {
                throw SystemError("TUNSETIFF", on: name, .exists, remedy: "it is \(Self.what(link)), not ours")
            }
            if link.mtu != mtu { try netlink.perform(.setMTU(link, mtu)) }
            return false
        }
        if let dryRun = DryRun.current {
            dryRun.addTap(name, owner: owner, settings: wanted)
            if let link = try netlink.link(named: name) { try netlink.perform(.setMTU(link, mtu)) }
            return true
        }
        let tap = try open()
        let made = linux_tun_create(tap.raw, name)
        if made == -EPERM {
            throw Failure(.privilege, "TUNSETIFF \(name): \(Errno.notPermitted); needs CAP_NET_ADMIN, run as root")
        }
        try check(made, "TUNSETIFF", on: name)
        try check(linux_ioctl_int(tap.raw, LINUX_TUNSETOWNER, UInt(owner)), "TUNSETOWNER", on: name)
        guard let link = try netlink.link(named: name) else { throw SystemError("RTM_GETLINK", on: name, .noDevice) }
        try netlink.perform(.setMTU(link, mtu))
        // The last step: whatever fails before it, the tap goes when its descriptor is closed.
        try check(linux_ioctl_int(tap.raw, LINUX_TUNSETPERSIST, 1), "TUNSETPERSIST", on: name)
        return true
    }

    /// Already gone is fine, and so is another kind of link in its place: that is left alone.
    static func delete(_ name: String, _ netlink: NetlinkSocket) throws {
        // ip link delete NAME
        guard let link = try netlink.link(named: name), link.kind == "tun" else { return }
        try netlink.perform(.deleteLink(link))
    }

    static func open() throws -> Descriptor {
        do {
            return try Descriptor(opening: device, O_RDWR)
        } catch let error as SystemError {
            switch error.errno {
            case .noEntry, .noDevice, .noSuchDeviceOrAddress:
                throw Failure(.unavailable, "\(device): \(error.errno); modprobe tun")
            case .notPermitted, .accessDenied:
                throw Failure(.privilege, "\(device): \(error.errno); run as root")
            default:
                throw error
            }
        }
    }

    private static func what(_ link: Link) -> String {
        guard let tun = link.tun else { return "a link of kind \(link.kind)" }
        let owner = tun.owner.map { "user \($0)" } ?? "nobody"
        return "a \(tun.persistent ? "" : "passing ")\(tun.isTap ? "tap" : "tun") of \(owner)"
    }
}
