"""The Cryptomatte of faces that the backend writes, in Blender's own Cryptomatte node."""

import bpy
import handed
import numpy as np
import pytest
from layered import read, render


@pytest.fixture
def picker(fresh, tmp_path):
    """A Cryptomatte node that reads the picture; its matte is the output's red."""
    handed.over(handed.FACES, tmp_path)
    fresh.render.resolution_x, fresh.render.resolution_y = 192, 108
    fresh.view_settings.view_transform = "Raw"
    image = bpy.data.images.load(str(tmp_path / "faces.exr"))
    if hasattr(fresh, "compositing_node_group"):
        tree = fresh.compositing_node_group = bpy.data.node_groups.new("pick", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        out = tree.nodes.new("NodeGroupOutput")
    else:
        fresh.use_nodes = True
        tree = fresh.node_tree
        tree.nodes.clear()
        out = tree.nodes.new("CompositorNodeComposite")
    node = tree.nodes.new("CompositorNodeCryptomatteV2")
    node.source, node.image = "IMAGE", image
    tree.links.new(node.outputs["Matte"], out.inputs[0])
    return node


def test_blender_finds_the_layer_and_picks_parts_by_name(picker, fresh, tmp_path):
    assert picker.layer_name == "CryptoFace"
    coverage = np.load(tmp_path / "faces.npz")
    for names in (["track0/skin"], ["track3/lips"], ["track0/left_eye", "track0/right_eye", "track3/nose"]):
        picker.matte_id = ",".join(names)
        picked = render(fresh, tmp_path / "out.exr")[..., 0]
        expected = sum(coverage[name.replace("/", " ")] for name in names)
        assert expected.sum() > 1
        assert np.abs(picked - expected).max() < 1e-4, names


def test_the_manifest_names_what_is_clicked(picker, tmp_path):
    picker.matte_id = "track3/nose"
    assert len(picker.entries) == 1 and picker.entries[0].encoded_hash != 0
    crypto = read(tmp_path / "faces.exr", ["CryptoFace00.r"])
    assert np.float32(picker.entries[0].encoded_hash) in crypto
