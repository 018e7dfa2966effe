import Glibc
import Linux

// Requests about links. Each names the command of ip-link(8) or bridge(8) that asks for the same.
extension NetlinkRequest {
    /// A bridge that forwards at once: no spanning tree, no delay, every multicast to every port.
    /// EEXIST where the name is taken. `mac` has 6 bytes; a bridge without its own takes that of a port, and changes it.
    public static func createBridge(_ name: String, mac: [UInt8], mtu: Int) -> NetlinkRequest {
        let words = ["bridge", "forward_delay", "0", "stp_state", "0", "mcast_snooping", "0"]
        return createLink(name, kind: "bridge", mac: mac, mtu: mtu, words: words) { data in
            data.attribute(IFLA_BR_FORWARD_DELAY, UInt32(0))
            data.attribute(IFLA_BR_STP_STATE, UInt32(0))
            data.attribute(IFLA_BR_MCAST_SNOOPING, UInt8(0))
        }
    }

    public static func createDummy(_ name: String, mac: [UInt8]? = nil, mtu: Int? = nil) -> NetlinkRequest {
        createLink(name, kind: "dummy", mac: mac, mtu: mtu, words: ["dummy"])
    }

    /// A pair of links; `peerNamespace` is a descriptor of the namespace in which the peer is made.
    public static func createVeth(
        _ name: String, mac: [UInt8]? = nil, mtu: Int? = nil, peer: String, peerMAC: [UInt8]? = nil,
        peerNamespace: CInt? = nil
    ) -> NetlinkRequest {
        let words =
            ["veth", "peer", "name", peer] + (peerMAC.map { ["address", macText($0)] } ?? [])
            + (mtu.map { ["mtu", "\($0)"] } ?? []) + (peerNamespace.map { ["netns", "/dev/fd/\($0)"] } ?? [])
        return createLink(name, kind: "veth", mac: mac, mtu: mtu, words: words) { data in
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
        let index = link.index
        return NetlinkRequest(
            "RTM_DELLINK", on: link.name, RTM_DELLINK, accepting: [.noDevice],
            as: Equivalent(["ip", "link", "delete", "dev", link.name]) { $0.deleteLink(index) }
        ) { $0.putLinkHeader(index: index) }
    }

    public static func setUp(_ link: Link) -> NetlinkRequest {
        setFlag(Link.up, true, link, words: ["up"]) { $0.change(link.index) { $0.flags |= Link.up } }
    }

    public static func setDown(_ link: Link) -> NetlinkRequest {
        setFlag(Link.up, false, link, words: ["down"]) { tables in
            if tables.links.contains(where: { $0.index == link.index && $0.isUp }) { tables.setDown(link.index) }
        }
    }

    /// Whether the link asks and answers by ARP.
    public static func setARP(_ link: Link, _ on: Bool) -> NetlinkRequest {
        setFlag(Link.noARP, !on, link, words: ["arp", on ? "on" : "off"]) { $0.setARP(link.index, on) }
    }

    /// Whether the link takes the frames of every group, not only of those that its namespace has joined.
    public static func setAllMulticast(_ link: Link, _ on: Bool) -> NetlinkRequest {
        let index = link.index
        return setFlag(Link.allMulticast, on, link, words: ["allmulticast", on ? "on" : "off"]) {
            $0.change(index) { link in
                link.flags = on ? link.flags | Link.allMulticast : link.flags & ~Link.allMulticast
            }
        }
    }

    public static func setMTU(_ link: Link, _ mtu: Int) -> NetlinkRequest {
        setLink(link, words: ["mtu", "\(mtu)"]) {
            $0.change(link.index) { $0.mtu = mtu }
        } write: {
            $0.attribute(IFLA_MTU, UInt32(truncatingIfNeeded: mtu))
        }
    }

    /// EBUSY where the driver wants the link down for it.
    public static func setMAC(_ link: Link, _ mac: [UInt8]) -> NetlinkRequest {
        setLink(link, words: ["address", macText(mac)]) {
            $0.setMAC(link.index, mac)
        } write: {
            $0.attribute(IFLA_ADDRESS, mac)
        }
    }

    /// Makes the link a port of `master`; nil: of none.
    public static func setMaster(_ link: Link, _ master: Link?) -> NetlinkRequest {
        setLink(link, words: master.map { ["master", $0.name] } ?? ["nomaster"]) {
            $0.setMaster(link.index, master)
        } write: {
            $0.attribute(IFLA_MASTER, master?.index ?? 0)
        }
    }

    /// Whether a bridge learns from this port of it behind which MACs are.
    public static func setLearning(_ port: Link, _ on: Bool) -> NetlinkRequest {
        let words = ["bridge", "link", "set", "dev", port.name, "learning", on ? "on" : "off"]
        return NetlinkRequest("RTM_SETLINK", on: port.name, RTM_SETLINK, as: Equivalent(words)) { body in
            body.putLinkHeader(family: AF_BRIDGE_, index: port.index)
            body.nest(IFLA_PROTINFO | NLA_F_NESTED) { $0.attribute(IFLA_BRPORT_LEARNING, UInt8(on ? 1 : 0)) }
        }
    }

    /// Kernels before 5.14 want the link down (EBUSY).
    public static func rename(_ link: Link, to name: String) -> NetlinkRequest {
        setLink(link, words: ["name", name]) {
            $0.change(link.index) { $0.name = name }
        } write: {
            $0.attribute(IFLA_IFNAME, name)
        }
    }

    /// `words`: the kind and what belongs to it.
    private static func createLink(
        _ name: String, kind: String, mac: [UInt8]?, mtu: Int?, words: [String],
        data: ((inout MessageWriter) -> Void)? = nil
    ) -> NetlinkRequest {
        let words =
            ["ip", "link", "add", "dev", name] + (mac.map { ["address", macText($0)] } ?? [])
            + (mtu.map { ["mtu", "\($0)"] } ?? []) + ["type"] + words
        let link = Link(index: 0, name: name, kind: kind, address: mac ?? [], mtu: mtu ?? 1500)
        return NetlinkRequest(
            "RTM_NEWLINK", on: name, RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL,
            as: Equivalent(words) { $0.add(link) }
        ) { body in
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

    private static func setLink(
        _ link: Link, words: [String], effect: @escaping @Sendable (inout NetworkTables) -> Void,
        write: (inout MessageWriter) -> Void
    ) -> NetlinkRequest {
        NetlinkRequest(
            "RTM_SETLINK", on: link.name, RTM_SETLINK,
            as: Equivalent(["ip", "link", "set", "dev", link.name] + words, effect: effect)
        ) { body in
            body.putLinkHeader(index: link.index)
            write(&body)
        }
    }

    private static func setFlag(
        _ flag: UInt32, _ on: Bool, _ link: Link, words: [String],
        effect: @escaping @Sendable (inout NetworkTables) -> Void
    ) -> NetlinkRequest {
        // Only this bit in ifi_change: all ones would clear IFF_MULTICAST and others.
        NetlinkRequest(
            "RTM_SETLINK", on: link.name, RTM_SETLINK,
            as: Equivalent(["ip", "link", "set", "dev", link.name] + words, effect: effect)
        ) { $0.putLinkHeader(index: link.index, flags: on ? flag : 0, change: flag) }
    }
}

/// An Ethernet address as commands take it.
func macText(_ mac: [UInt8]) -> String {
    var text = ""
    for byte in mac { text += (text.isEmpty ? "" : ":") + (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return text
}
