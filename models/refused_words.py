"""Names that no label of a pack may have: who people are, what they wear, carry or do, and plates.

Written as people write them, in the languages that networks' classes are named in; ``labels`` puts
names and words into one spelling (width, case, accents, joined words) before it compares them.
"""

from typing import Final

WHOLE: Final = (
    # body and looks
    "head heads headshoulder eye eyes mouth nose hand hands finger fingers palm iris hair beard "
    "sunglasses eyeglasses spectacles tattoo fingerprint fingerprints "
    # plates
    "plate plates lpr anpr alpr lp license licence licenses licences "
    # attributes
    "male female man men woman women boy boys girl girls lady child children kid kids baby infant "
    "toddler adult adults age ages elderly pensioner race ethnicity attribute attributes uniform "
    "vest clothes clothing hat hats backpack backpacks handbag handbags "
    "emotion emotions smile smiling "
    # embeddings and identities
    "embedding embeddings embed embeds feature features descriptor descriptors reid reids "
    "identity identities id ids watchlist blacklist whitelist wanted suspect suspects "
    # poses
    "pose poses posture postures gait gaits landmark landmarks kpt kpts skeleton skeletons gesture "
    "gestures "
    # behaviour and gatherings
    "fight fighting violence smoking sleeping drinking phone weapon gun knife intruder trespasser "
    "protest gathering gatherings banner queueing queuing loitering wandering tailgating "
    "behavior behaviors behaviour behaviours "
    # other languages
    "cara caras rostro rostros rosto rostos volto volti visage visages placa placas targa targhe "
    "plaka plaques homme femme hombre mujer mann frau haltung postura alter "
    "multitud multidao foule folla "
    "menschenmenge kalabalık yüz wajah kerumunan umur "
    # Chinese in Latin letters
    "renlian lianbu miankong chepai chepaihao haopai paizhao renqun juji juzhong paihuai zitai "
    "zishi butai guanjiandian guge nianling xingbie shuxing tezheng chongshibie toukui anquanmao "
    "kouzhao rentou renshu shenfen zhiwen hongmo"
)
"""Words that are refused where they stand by themselves: within others they mean other things."""

SYLLABLES: Final = (
    "ren lian|mian kong|che pai|che pai hao|hao pai|pai zhao|ren qun|ju ji|ju zhong|pai huai|"
    "zi tai|zi shi|bu tai|guan jian dian|gu ge|nian ling|xing bie|shu xing|te zheng|"
    "chong shi bie|tou kui|an quan mao|kou zhao|ren tou|ren shu|shen fen|zhi wen|hong mo|"
    "re id|key point|key points|license number|plate number|head shoulder|track id|"
    "tracking id|watch list|black list|human body|plat nomor|bien so|khuon mat|đam đong"
)
"""Several words of one meaning, however they are put apart."""

PARTS: Final = (
    "helmet hardhat facial licenseplate licenceplate numberplate carplate hijab loiter "
    "gender keypoint emotion gesicht kennzeichen nummernschild matricula immatriculation "
    "embedding reidentif re-identif re_identif identification biometric номерн автономер "
    "госномер толпа толпы возраст походк скелет эмоци распознаван 脸 臉 顔 面部 面孔 面容 "
    "头部 頭部 人头 人頭 人数 人數 人群 车牌 車牌 号牌 號牌 牌照 号码牌 號碼牌 蓝牌 绿牌 "
    "黄牌 头盔 頭盔 安全帽 帽子 口罩 眼镜 眼鏡 墨镜 头发 頭髮 发型 肤色 膚色 衣服 衣着 上衣 "
    "反光衣 工服 工牌 背包 性别 性別 男 女 儿童 兒童 小孩 孩子 孩童 婴儿 嬰兒 子供 老人 老年 "
    "年龄 年齡 年齢 民族 种族 種族 表情 情绪 情緒 姿态 姿態 姿势 姿勢 步态 步態 歩容 关键点 "
    "關鍵點 骨骼 骨格 人体骨架 人體骨架 制服 打架 斗殴 鬥毆 徘徊 游荡 遊蕩 尾随 尾隨 聚集 "
    "聚众 聚眾 扎堆 排队 排隊 抽烟 抽菸 吸烟 吸菸 睡岗 睡崗 手机 手機 打电话 打電話 持刀 "
    "横幅 橫幅 跌倒 摔倒 奔跑 翻越 攀爬 闯入 闖入 入侵 行为 行為 属性 屬性 重识别 重識別 "
    "再识别 再識別 特征 特徵 嵌入 眼睛 指纹 指紋 虹膜 掌纹 掌紋 声纹 聲紋 身份 身分 证件 "
    "證件 黑名单 黑名單 白名单 嫌疑 逃犯 ナンバープレート 群衆 인파 얼굴 번호판 군중 자세 "
    "나이 성별 ใบหน้า ป้ายทะเบียน ฝูงชน وجه لوحة حشد चेहरा भीड़"
)
"""Words that are refused wherever they stand in a name."""

PATTERNS: Final = (
    r"(?<!sur)(?<!inter)(?<!pre)(?<!type)face",
    r"(?:licen[cs]e|number|car|vehicle|registration)[ _-]?plate",
    r"crowd(?!fund|sourc)",
    r"(?:^|[^а-я])лиц[оа]",
    r"(?:^|[^а-я])(?:номер|поза|позы)(?:[^а-я]|$)",
)
"""What needs a look at its neighbours."""

THINGS: Final = (
    r"(?:steel|iron|metal|road|base|bridge|armou?r|glass|concrete)[ _-]?plates?|"
    r"(?:^|[^a-z])plate[ _-]?glass|(?:^|[^a-z])lp[ _-]?gas"
)
"""Things with such a word in their names; what else stands in the name is still looked at."""
