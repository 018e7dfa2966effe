import Glibc
import Linux

// Requests about links. Each names the command of ip-link(8) or bridge(8) that asks for the same.
extension NetlinkRequest {
    /// A bridge that forwards at once: no spanning tree, no delay, every multicast to every port.
    /// EEXIST where the name is taken. `mac` has 6 bytes; a bridge without its own takes that of a port, and changes it.
    public static func createBridge(_ name: String, mac: [UInt8], mtu: Int) -> NetlinkRequest {
        // ip link add NAME address MAC mtu MTU type bridge forward_delay 0 stp_state 0 mcast_snooping 0
        createLink(name, kind: "bridge", mac: mac, mtu: mtu) { data in
            data.attribute(IFLA_BR_FORWARD_DELAY, UInt32(0))
            data.attribute(IFLA_BR_STP_STATE, UInt32(0))
            data.attribute(IFLA_BR_MCAST_SNOOPING, UInt8(0))
        }
    }

    public static func createDummy(_ name: String, mac: [UInt8]? = nil, mtu: Int? = nil) -> NetlinkRequest {
        // ip link add NAME type dummy
        createLink(name, kind: "dummy", mac: mac, mtu: mtu)
    }

    /// A pair of links; `peerNamespace` is a descriptor of the namespace in which the peer is made.
    public static func createVeth(
        _ name: String, mac: [UInt8]? = nil, mtu: Int? = nil, peer: String, peerMAC: [UInt8]? = nil,
        peerNamespace: CInt? = nil
    ) -> NetlinkRequest {
        // ip link add NAME type veth peer name PEER netns NETNS
        createLink(name, kind: "veth", mac: mac, mtu: mtu) { data in
            data.nest(VETH_INFO_PEER) { inner in
                inner.putLinkHeader()
                inner.attribute(IFLA_IFNAME, peer)
                if let peerMAC { inner.attribute(IFLA_ADDRESS, peerMAC) }
                if let mtu { inner.attribute(IFLA_MTU, UInt32(truncatingIfNeeded: mtu)) }
                if let peerNamespace { inner.attribute(IFLA_NET_NS_FD, peerNamespace) }
            }
        }
    }

    /// Already gone is fine.
    public static func deleteLink(_ link: Link) -> NetlinkRequest {
        // ip link delete NAME
        NetlinkRequest("RTM_DELLINK", on: link.name, RTM_DELLINK, accepting: [.noDevice]) {
            $0.putLinkHeader(index: link.index)
        }
    }

    public static func setUp(_ link: Link) -> NetlinkRequest {
        // ip link set NAME up
        setFlag(Link.up, true, link)
    }

    public static func setDown(_ link: Link) -> NetlinkRequest {
        // ip link set NAME down
        setFlag(Link.up, false, link)
    }

    /// Whether the link asks and answers by ARP.
    public static func setARP(_ link: Link, _ on: Bool) -> NetlinkRequest {
        // ip link set NAME arp off
        setFlag(Link.noARP, !on, link)
    }

    public static func setMTU(_ link: Link, _ mtu: Int) -> NetlinkRequest {
        // ip link set NAME mtu MTU
        setLink(link) { $0.attribute(IFLA_MTU, UInt32(truncatingIfNeeded: mtu)) }
    }

    /// EBUSY where the driver wants the link down for it.
    public static func setMAC(_ link: Link, _ mac: [UInt8]) -> NetlinkRequest {
        // ip link set NAME address MAC
        setLink(link) { $0.attribute(IFLA_ADDRESS, mac) }
    }

    /// Makes the link a port of `master`; nil: of none.
    public static func setMaster(_ link: Link, _ master: Link?) -> NetlinkRequest {
        // ip link set NAME master MASTER; ip link set NAME nomaster
        setLink(link) { $0.attribute(IFLA_MASTER, master?.index ?? 0) }
    }

    /// Kernels before 5.14 want the link down (EBUSY).
    public static func rename(_ link: Link, to name: String) -> NetlinkRequest {
        // ip link set NAME name NEW
        setLink(link) { $0.attribute(IFLA_IFNAME, name) }
    }

    private static func createLink(
        _ name: String, kind: String, mac: [UInt8]?, mtu: Int?, data: ((inout MessageWriter) -> Void)? = nil
    ) -> NetlinkRequest {
        NetlinkRequest("RTM_NEWLINK", on: name, RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL) { body in
            body.putLinkHeader()
            body.attribute(IFLA_IFNAME, name)
            if let mac { body.attribute(IFLA_ADDRESS, mac) }
            if let mtu { body.attribute(IFLA_MTU, UInt32(truncatingIfNeeded: mtu)) }
            body.nest(IFLA_LINKINFO) { info in
                info.attribute(IFLA_INFO_KIND, kind)
                if let data { info.nest(IFLA_INFO_DATA, data) }
            }
        }
    }

    private static func setLink(_ link: Link, _ write: (inout MessageWriter) -> Void) -> NetlinkRequest {
        NetlinkRequest("RTM_SETLINK", on: link.name, RTM_SETLINK) { body in
            body.putLinkHeader(index: link.index)
            write(&body)
        }
    }

    private static func setFlag(_ flag: UInt32, _ on: Bool, _ link: Link) -> NetlinkRequest {
        // Only this bit in ifi_change: all ones would clear IFF_MULTICAST and others.
        NetlinkRequest("RTM_SETLINK", on: link.name, RTM_SETLINK) {
            $0.putLinkHeader(index: link.index, flags: on ? flag : 0, change: flag)
        }
    }
}
