# This file is kept by plimsoll; edits are lost.
# Commit it: it pins what plugins, fetched skills and tools may be.

connector "everything" {
  digest = "sha256:bf6ec8ce691044a35fbcc1ecbd1783a3c26ebae88959b52be7ed4ea16fa5cd04"
}

connector "files" {
  digest = "sha256:6b21d50faa2c798bea08e886092b81220dcc161bdd36dc9eb3aac4c92e663411"
}

connector "memory" {
  digest = "sha256:494f557f4402836a589b2288dccd743395b724b155db1be5194fc1ad9b11defe"
}

connector "thinking" {
  digest = "sha256:af5cd067dd06b5403271c75bd55814d742f0659fd2cf673c0d27fbb818120b06"
}

tool "everything" "echo" {
  digest = "sha256:7f44ccc849658890126f40e521000825b08a7f09a6f290a43d02db4e8eec6e2b"
}

tool "everything" "get-annotated-message" {
  digest = "sha256:33c589b1069c55cba23225a122758008ada8f6959c181ccc3374c1901db0fb7f"
}

tool "everything" "get-env" {
  digest = "sha256:4f50e93bc4caa234f9cfcb55e5a2dc7f01549a67379ef3ae1c7dcbaa0438cad1"
}

tool "everything" "get-resource-links" {
  digest = "sha256:71bb1c74fa7b1f2fa67d46340e6ed8b1b30efdf15febbc2fb0c3391581451e83"
}

tool "everything" "get-resource-reference" {
  digest = "sha256:0e0bc5de61c5239e68b14b616b82fc475bb463f80e6288c33fff949a7053b3f8"
}

tool "everything" "get-structured-content" {
  digest = "sha256:5a604731383feb5bdb90ec49119f20ee2254b17a8405c10bf5def2ff3540db2e"
}

tool "everything" "get-sum" {
  digest = "sha256:d720dc64eb73dcec4352ec209ee3c9fbbae2939e265b45f37c8b8b0b115e1ea7"
}

tool "everything" "get-tiny-image" {
  digest = "sha256:3e7e3397d097d89eb8440f3e8c45abf4b4fdd9114ac84c1cf130f555f9bc2e95"
}

tool "everything" "gzip-file-as-resource" {
  digest = "sha256:8376d5ceda945d5e10ab8f9e4b75f83417931d2438eabd3198464f3ff519094c"
}

tool "everything" "simulate-research-query" {
  digest = "sha256:e494a3249ad69e0370ae8f25f4a5dbeb13ff31cb7c5ca86009a98d79adc53510"
}

tool "everything" "toggle-simulated-logging" {
  digest = "sha256:a78d315cf37def309a4c36d6765fcddbd8383c85b939308cb47c7110d7fca592"
}

tool "everything" "toggle-subscriber-updates" {
  digest = "sha256:e742f7476ce7e72781c707c5fe5223385546f4604f5dc8a6df623754182eebbd"
}

tool "everything" "trigger-long-running-operation" {
  digest = "sha256:e0d9626dffefbdde30ebce5e5b922e8861a0416c6131bfc627fc44de17a3c19b"
}

tool "files" "create_directory" {
  digest = "sha256:720d1604002b3c1a768bc811e8354aac162e946a53a998afc20a6d2e91e583d4"
}

tool "files" "directory_tree" {
  digest = "sha256:7645bc3877aa38908a5fc772d29ae7a3d3f05587a2e8826979c739cf40c57363"
}

tool "files" "edit_file" {
  digest = "sha256:afd5a5de1972206d0e9762ff8ad7797ee8dd3e1b83f0428426c98d2d2520308e"
}

tool "files" "get_file_info" {
  digest = "sha256:7f44dc48bac24a1e6b18b92d58d1669c80102fae3843e73579217972b67c80f6"
}

tool "files" "list_allowed_directories" {
  digest = "sha256:2b43c9bb5cde269e30b4e22b1dc38386f4fecf44dfa8a773a7fce9e38e2c0aa2"
}

tool "files" "list_directory" {
  digest = "sha256:0d2a2b301c6ec3cbea78b3546aede23781a81bd82000b34f4cbfb3d94bfc8db7"
}

tool "files" "list_directory_with_sizes" {
  digest = "sha256:8642b99b56eb227fd3ac37d3c43fc984be9b872d85e91874d0600fddbb53c4c3"
}

tool "files" "move_file" {
  digest = "sha256:46d4d5c7da0e8553c69eb9b970927adc0b54bfdcc9876a01983cd9ab3f8d9430"
}

tool "files" "read_file" {
  digest = "sha256:762744c16831e2becafdbaf9a15da2660e5670dfa1984a368403145b6e9ac3a9"
}

tool "files" "read_media_file" {
  digest = "sha256:efe5a84687d7780182276a3ae46d325c1c269116ad490fa9149e39bbe50c6777"
}

tool "files" "read_multiple_files" {
  digest = "sha256:484710b0d97999f0c16d950c850c285a187ac4fbd4fdef5b0f13d0f3b483e164"
}

tool "files" "read_text_file" {
  digest = "sha256:658bc8c7fed2aefe6102d5e87589689b4a286b83340ac1a3a456b37e6cf4f77a"
}

tool "files" "search_files" {
  digest = "sha256:6c46ed09491987b06c8c1511d8f6d42031eabaf852eb4d6e80185e317142120b"
}

tool "files" "write_file" {
  digest = "sha256:0074a16be22f98393479625ae28b74688c56985d581aa37e1ff61f7fbd37d11d"
}

tool "memory" "add_observations" {
  digest = "sha256:feac7d8089a1ebc8a23d7dfb2938f24b3a3c8f105d791cb52f622f3819323ee7"
}

tool "memory" "create_entities" {
  digest = "sha256:8f67f2b3ceae725137d28992771cf1483f02be6bb9f9c54c4e57270e3da21afb"
}

tool "memory" "create_relations" {
  digest = "sha256:65123f62aa4a7c0721aea42a0b0e5bbf449744c9a74e0dd6f4b9927233668102"
}

tool "memory" "delete_entities" {
  digest = "sha256:9e6b66f291d08f0884590fb213f5022ebc753a4bddd5bb5abbaf4180c9d1b2f5"
}

tool "memory" "delete_observations" {
  digest = "sha256:28ea265b802faf8a6ee03a1badc3a162f430cf29b6fc229234344f72588432bb"
}

tool "memory" "delete_relations" {
  digest = "sha256:69686b10b9484d6f2bfc65a9c199593c2a4b454dc1cd9987f4ade7ac863a72dc"
}

tool "memory" "open_nodes" {
  digest = "sha256:dcfcf782aa784a7085bc37a719362f88b0270764a15c381a303aa64c2b64ff56"
}

tool "memory" "read_graph" {
  digest = "sha256:5a96ef6ebd66fc2e42a03b638f940e31f785619032e9baf8d00d87ca4abe5c4d"
}

tool "memory" "search_nodes" {
  digest = "sha256:3fea90d6d502f4b29fa98352b8582d1c04661a5c85b01f83965954d94a759c59"
}

tool "thinking" "sequentialthinking" {
  digest = "sha256:da3974138eb36ef81665f0d75227f973c30466fa5639f1eaebe006a953c52f3b"
}
