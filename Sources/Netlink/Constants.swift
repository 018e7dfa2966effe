// Constants of linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/neighbour.h,
// linux/pkt_sched.h, linux/pkt_cls.h and linux/fib_rules.h under their kernel names. Swift's Glibc module has none of them.

let NLMSG_HDRLEN = 16

let NLMSG_ERROR: UInt16 = 2
let NLMSG_DONE: UInt16 = 3

let NLM_F_REQUEST: UInt16 = 0x1
let NLM_F_ACK: UInt16 = 0x4
let NLM_F_DUMP_INTR: UInt16 = 0x10
let NLM_F_DUMP: UInt16 = 0x300
let NLM_F_REPLACE: UInt16 = 0x100
let NLM_F_EXCL: UInt16 = 0x200
let NLM_F_CREATE: UInt16 = 0x400
let NLM_F_APPEND: UInt16 = 0x800
// In acknowledgements.
let NLM_F_CAPPED: UInt16 = 0x100
let NLM_F_ACK_TLVS: UInt16 = 0x200
let NLMSGERR_ATTR_MSG: UInt16 = 1

let SOL_NETLINK: CInt = 270
let NETLINK_CAP_ACK: CInt = 10
let NETLINK_EXT_ACK: CInt = 11
let NETLINK_GET_STRICT_CHK: CInt = 12

/// The kinds of attribute are the lower 14 bits (NLA_TYPE_MASK); the upper two say "nested" and "network order".
let NLA_TYPE_MASK: UInt16 = 0x3fff
let NLA_F_NESTED: UInt16 = 0x8000

let RTM_NEWLINK: UInt16 = 16
let RTM_DELLINK: UInt16 = 17
let RTM_GETLINK: UInt16 = 18
let RTM_SETLINK: UInt16 = 19
let RTM_NEWADDR: UInt16 = 20
let RTM_DELADDR: UInt16 = 21
let RTM_GETADDR: UInt16 = 22
let RTM_NEWROUTE: UInt16 = 24
let RTM_DELROUTE: UInt16 = 25
let RTM_GETROUTE: UInt16 = 26
let RTM_NEWNEIGH: UInt16 = 28
let RTM_DELNEIGH: UInt16 = 29
let RTM_GETNEIGH: UInt16 = 30
let RTM_NEWQDISC: UInt16 = 36
let RTM_DELQDISC: UInt16 = 37
let RTM_NEWTFILTER: UInt16 = 44
let RTM_DELTFILTER: UInt16 = 45
let RTM_GETTFILTER: UInt16 = 46
let RTM_NEWRULE: UInt16 = 32
let RTM_DELRULE: UInt16 = 33
let RTM_GETRULE: UInt16 = 34

let AF_UNSPEC_: UInt8 = 0
let AF_INET_: UInt8 = 2
let AF_BRIDGE_: UInt8 = 7
let AF_INET6_: UInt8 = 10

let IFLA_ADDRESS: UInt16 = 1
let IFLA_IFNAME: UInt16 = 3
let IFLA_MTU: UInt16 = 4
let IFLA_LINK: UInt16 = 5
let IFLA_MASTER: UInt16 = 10
let IFLA_PROTINFO: UInt16 = 12
let IFLA_LINKINFO: UInt16 = 18
let IFLA_NET_NS_FD: UInt16 = 28
let IFLA_EXT_MASK: UInt16 = 29
let RTEXT_FILTER_SKIP_STATS: UInt32 = 8
let IFLA_INFO_KIND: UInt16 = 1
let IFLA_INFO_DATA: UInt16 = 2
let IFLA_BR_FORWARD_DELAY: UInt16 = 1
let IFLA_BR_STP_STATE: UInt16 = 5
let IFLA_BR_MCAST_SNOOPING: UInt16 = 23
let IFLA_BRPORT_LEARNING: UInt16 = 8
let IFLA_TUN_OWNER: UInt16 = 1
let IFLA_TUN_TYPE: UInt16 = 3
let IFLA_TUN_VNET_HDR: UInt16 = 5
let IFLA_TUN_PERSIST: UInt16 = 6
let IFLA_IPVLAN_MODE: UInt16 = 1
let VETH_INFO_PEER: UInt16 = 1

let IFA_ADDRESS: UInt16 = 1
let IFA_LOCAL: UInt16 = 2
let IFA_LABEL: UInt16 = 3
let IFA_BROADCAST: UInt16 = 4
let IFA_FLAGS: UInt16 = 8

let RTA_DST: UInt16 = 1
let RTA_OIF: UInt16 = 4
let RTA_GATEWAY: UInt16 = 5
let RTA_PRIORITY: UInt16 = 6
let RTA_PREFSRC: UInt16 = 7
let RTA_METRICS: UInt16 = 8
let RTAX_MTU: UInt16 = 2
let RTAX_ADVMSS: UInt16 = 8
let RTA_MULTIPATH: UInt16 = 9
let RTA_TABLE: UInt16 = 15
let RTA_VIA: UInt16 = 18
let RTN_UNICAST: UInt8 = 1
let RTNH_F_ONLINK: UInt32 = 4
let RTM_F_CLONED: UInt32 = 0x200
let RT_TABLE_UNSPEC: UInt8 = 0

let NDA_DST: UInt16 = 1
let NDA_LLADDR: UInt16 = 2
let NUD_REACHABLE: UInt16 = 0x02
let NUD_STALE: UInt16 = 0x04
let NUD_DELAY: UInt16 = 0x08
let NUD_PROBE: UInt16 = 0x10
let NUD_NOARP: UInt16 = 0x40
let NUD_PERMANENT: UInt16 = 0x80
let NTF_USE: UInt8 = 1
let NTF_MASTER: UInt8 = 4
let NTF_STICKY: UInt8 = 0x40

let FRA_SRC: UInt16 = 2
let FRA_PRIORITY: UInt16 = 6
let FRA_TABLE: UInt16 = 15
let FRA_IP_PROTO: UInt16 = 22
let FRA_DPORT_RANGE: UInt16 = 24
let FR_ACT_TO_TBL: UInt8 = 1

let TC_H_INGRESS: UInt32 = 0xffff_fff1
/// The ingress side, of a qdisc of kind ingress and of one of kind clsact alike (TC_H_CLSACT, TC_H_MIN_INGRESS).
let TC_H_INGRESS_FILTERS: UInt32 = 0xffff_fff2
let TCA_KIND: UInt16 = 1
let TCA_OPTIONS: UInt16 = 2
let TCA_ACT_KIND: UInt16 = 1
let TCA_ACT_OPTIONS: UInt16 = 2
let TCA_MATCHALL_ACT: UInt16 = 2
let TCA_U32_SEL: UInt16 = 5
let TCA_U32_ACT: UInt16 = 7
let TC_U32_TERMINAL: UInt8 = 1
let TCA_MIRRED_PARMS: UInt16 = 2
let TCA_EGRESS_REDIR: UInt32 = 1
let TCA_EGRESS_MIRROR: UInt32 = 2
let TC_ACT_OK: UInt32 = 0
let TC_ACT_STOLEN: UInt32 = 4
