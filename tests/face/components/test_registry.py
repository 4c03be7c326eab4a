import builtins

import pytest
from understudy.errors import ComponentError, UsageError
from understudy.face.components import registry


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="detector named nobody") as error:
        registry.build_detector("nobody")
    assert "mediapipe" in error.value.hint


@pytest.mark.parametrize(("package", "name"), [("mediapipe", "mediapipe"), ("onnxruntime", "insightface")])
def test_a_missing_package_is_answered_with_its_cure(monkeypatch, package, name) -> None:
    known = builtins.__import__

    def without(module, *args, **kwargs):
        if module.split(".")[0] == package:
            raise ImportError(name=package)
        return known(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ComponentError, match=f"{package} is not installed") as error:
        registry.build_landmarker(name)
    assert "pip install" in error.value.hint
    offers = {(offer.name, offer.role): offer for offer in registry.cards()}
    assert offers[name, "detector"].card is None
    assert "pip install" in offers[name, "detector"].cure


def test_the_doctor_lists_what_is_there_and_what_is_missing(pack) -> None:
    offers = {(offer.name, offer.role): offer for offer in registry.cards(pack)}
    assert offers["mediapipe", "landmarker"].card.commercial is True
    assert offers["insightface", "recogniser"].card.commercial is False
    assert offers["insightface", "landmarker"].card is None
    assert "no landmarker model" in offers["insightface", "landmarker"].missing


def test_roles_mix_freely(rendered, pack) -> None:
    from understudy.face.detect import find_faces

    picture = rendered[0]
    found = find_faces(registry.build_detector("insightface", pack), picture.image)
    (face,) = registry.build_landmarker("mediapipe").landmarks(picture.image, found)
    assert face is not None
