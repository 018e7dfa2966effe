// swift-tools-version: 6.2
import PackageDescription

// The targets stand in the order of the data flow: OCI → Plan → HostNetwork → Firecracker → Guest.
// Each is a boundary that the compiler keeps: Plan cannot reach the kernel, HostNetwork cannot reach Firecracker.

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

// The commit that scripts/build builds; a target of its own, so that the next one compiles next to nothing.
let commit = Context.environment["RUNCVM_COMMIT"] ?? ""

let package = Package(
    name: "runcvm",
    products: [.executable(name: "runcvm", targets: ["runcvm"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        .executableTarget(
            name: "runcvm",
            dependencies: [
                "OCI", "Plan", "HostNetwork", "Firecracker", "Guest", "Netlink", "Linux", "CLinux", "CVersion",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        library("OCI"),
        library("Plan", ["OCI"]),
        library("HostNetwork", ["OCI", "Plan", "Netlink", "Linux", "CLinux"]),
        library(
            "Firecracker",
            ["OCI", "Plan", "Streams", "Linux", "CLinux", .product(name: "Crypto", package: "swift-crypto")]),
        library("Guest", ["OCI", "Plan", "Netlink", "Streams", "Linux", "CLinux"]),
        library("Netlink", ["Linux", "CLinux"]),
        library("Streams", ["Linux", "CLinux"]),
        library("Linux", ["CLinux", "Clibcap"]),
        .target(name: "CLinux"),
        .target(name: "CVersion", cSettings: [.define("RUNCVM_COMMIT", to: "\"\(commit)\"")]),
        .systemLibrary(name: "Clibcap", providers: [.apt(["libcap-dev"])]),
        .target(name: "Mutation", dependencies: ["OCI"], path: "Tests/Mutation", swiftSettings: strict),
        tests("OCITests", ["OCI", "Mutation"]),
        tests("PlanTests", ["OCI", "Plan", "Mutation"]),
        tests("NetlinkTests", ["Netlink", "Mutation"]),
        tests("HostNetworkTests", ["OCI", "Plan", "HostNetwork", "Netlink", "Linux", "CLinux", "Mutation"]),
        tests("StreamsTests", ["Streams", "Linux", "CLinux", "Mutation"]),
        tests("FirecrackerTests", ["OCI", "Plan", "Firecracker", "Linux", "Mutation"]),
        tests("GuestTests", ["OCI", "Plan", "Guest", "Netlink", "Linux", "CLinux", "Mutation"]),
        tests("CommandTests", ["OCI", "Plan", "Linux", "runcvm"]),
        tests("LabTests", ["OCI"], path: "Tests/Lab"),
    ]
)
