"""What a label's name says, and lists of labels as people have them."""

from pathlib import Path

import pytest

from models.adding.label_lists import labels_of
from models.labels import LabelError, refuse_name
from vision.roles import Role


@pytest.mark.parametrize(
    "name",
    ["surface", "interface", "passenger car", "screwdriver", "driverless car", "无人机",
     "人行道护栏", "manhole", "template", "SUV车", "smoke烟雾", "улица", "Löschfahrzeug"],
)  # fmt: skip
def test_names_of_things_pass(name: str) -> None:
    refuse_name(name, Role.VEHICLE)


@pytest.mark.parametrize(
    "name",
    ["interfaces", "surface_1", "plateau", "plateau2", "crowdfunding", "preface", "steel_plate",
     "position", "disposable", "composer", "village", "garage", "LP gas", "LPG", "attributed",
     "fallen tree", "falling rock", "running water", "smokestack", "grid", "liquid", "rapid",
     "keypad", "hatchback", "handrail", "police car", "fire truck", "firefighting truck",
     "landslide", "reindeer", "current", "gear",
     "路牌", "广告牌", "木牌", "面包车", "路面", "水面", "桥面", "码头", "头灯", "镜头", "石头",
     "属地", "步道", "消防车", "油罐车", "поверхность", "политика",
     "Oberfläche", "Grenzfläche"],
)  # fmt: skip
def test_no_harmless_name_is_refused(name: str) -> None:
    for role in Role:
        refuse_name(name, role)


KINDS = {
    "face": "face faces face_0 Face2 faceId humanFaces mask_face face-landmarks 人脸 人脸识别 "
    "脸部 面孔 人臉 renlian ren_lian rén_liǎn 顔 얼굴 ใบหน้า चेहरा лица rostros visages "
    "gesichter yüz wajah",
    "plate": "plate plates plate_0 LicensePlate licence-plates car_plate carplate numberPlate LPR "
    "lp_1 车牌 车牌号 牌照 号码牌 蓝牌 車牌 chepai che_pai chepaihao номер "
    "ナンバープレート 번호판 placas plaka",
    "crowd": "crowd crowds crowd_0 crowding crowd-density gathering 人群 人群密度 人群聚集 聚众 "
    "排队 人数 renqun толпа 群衆 군중 foule multitud folla ฝูงชน حشد",
    "attributes": "attribute attributes person_attributes gender_0 age ages emotion emotions hair "
    "hijab 属性 行人属性 年龄 肤色 发型 衣着 情绪 nianling xingbie 年齢 나이 возраст",
    "embeddings": "embedding embeddings face_embedding features feature_vector descriptor 特征 "
    "特征向量 嵌入向量 tezheng",
    "re-identification": "reid ReID re-id re_id person_reid reidentification re-identification "
    "identity person_id track_id watchlist 重识别 行人再识别 重識別 黑名单 身份 chongshibie",
    "pose": "pose poses pose_0 human_pose keypoint keypoints key_points kpt kpts_17 skeleton "
    "landmark landmarks_68 姿态 姿势 关键点 人体骨架 骨骼点 zitai guanjiandian скелет "
    "자세 姿勢",
    "gait": "gait gaits gait_0 步态 步态识别 butai bu_tai походка 歩容",
}


def is_refused(name: str, role: Role) -> bool:
    try:
        refuse_name(name, role)
    except LabelError as error:
        return "watches places" in str(error)
    return False


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_pack_names_this_in_any_role(kind: str) -> None:
    names = KINDS[kind].split()
    assert not [(name, role) for name in names for role in Role if not is_refused(name, role)]


@pytest.mark.parametrize("name", ["xingren", "xíngrén", "renyuan_0", "bystanders", "gong ren"])
def test_people_in_other_letters_are_to_be_covered_alone(name: str) -> None:
    refuse_name(name, Role.MASK)
    for role in (Role.HAZARD, Role.VEHICLE):
        with pytest.raises(LabelError, match="only role is `mask`"):
            refuse_name(name, role)


@pytest.mark.parametrize("name", ["\u0440erson", "f\u0430ce", "car\u200b", "fi\u00adre", "ca\nr"])
def test_names_in_disguise_are_refused(name: str) -> None:
    for role in Role:
        with pytest.raises(LabelError, match=r"alphabets|nobody sees"):
            refuse_name(name, role)


def test_a_list_longer_than_a_file_s_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert len(labels_of(",".join(["fire"] * 100))) == 100
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fire").mkdir()
    assert [name for name, _ in labels_of("fire")] == ["fire"], "a directory is no list"
    (tmp_path / "smoke").write_text("car\n", "utf-8")
    assert [name for name, _ in labels_of("smoke")] == ["car"]


@pytest.mark.parametrize(
    "content",
    [
        "path: x\nnames:\n  0: fire\n  1: traffic light\n  2: car\n\n# end\nnc: 3\n",
        "names:  # all\r\n  2: car\r\n\r\n# or\r\n  0: 'fire' # red\r\n  1: \"traffic light\"\r\n",
        "names:\n- fire\n- traffic light\n- car\nnc: 3",
        "names:\n  - fire\n  - 'traffic light'\n  - car\n",
    ],
)
def test_names_one_a_line_in_a_data_yaml(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.yaml"
    path.write_bytes(content.replace("traffic light", "traffic light=vehicle").encode())
    assert [name for name, _ in labels_of(str(path))] == ["fire", "traffic light", "car"]


NUMBERS = "`names` must be numbered 0 to 1, each once"
NO_NAMES = r"`names` can't be read: write it on one line"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("labels.txt", "fire\n\nsmoke\n", "entry 2 is empty"),
        ("labels.txt", "\n", "is empty"),
        ("data.yaml", "names:\n  1: fire\n  2: smoke\n", NUMBERS),
        ("data.yaml", "names:\n  0: fire\n  0: smoke\n", NUMBERS),
        ("data.yaml", "names:\n  0: fire\n  2: smoke\n", NUMBERS),
        ("data.yaml", "names: {0: fire}\n", NO_NAMES),
        ("data.yaml", "names:\nnc: 3\n", NO_NAMES),
        ("data.yaml", "names:", NO_NAMES),
        ("data.yaml", "nc: 3\n", NO_NAMES),
        ("data.yaml", "names: [fire]\nnames:\n  0: fire\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n  - smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n    1: smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n\t1: smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n    truck\n", NO_NAMES),
        ("data.yaml", "names:\n  0:\n  1: smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  - name: fire\n", NO_NAMES),
        ("data.yaml", "names:\n  - &one fire\n", NO_NAMES),
        ("data.yaml", 'names:\n  - "\\x66ire"\n', NO_NAMES),
        ("data.yaml", "names:\n  - fire\n  - ''\n", NO_NAMES),
        ("labels.txt", None, "No such file"),
        ("other/labels", None, "No such file"),
        ("labels.txt", b"\xff\xfe\xfd", "UTF-8"),
    ],
)
def test_files_of_labels_that_are_refused(
    tmp_path: Path, name: str, content: str | bytes | None, words: str
) -> None:
    if content is not None:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(LabelError, match=words) as refused:
        labels_of(str(tmp_path / name))
    assert name in str(refused.value)
